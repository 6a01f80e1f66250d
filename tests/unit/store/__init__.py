"""The store on a real database: SQLite and PostgreSQL."""
