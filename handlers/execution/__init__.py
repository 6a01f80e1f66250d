"""Carrying out approved requests: the one executor, and what it needs to do that exactly once.

executor       look, decide, check, commit "about to send", send
outcome_writer what came of it: the only place that writes it down
before_send    who approved and asked, and whether they still may
send_window    how long after "about to send" something may still leave
call_journal   every call to Tines that is made for a request, in the audit record
"""
