"""Arrays, chunks, bytes and budgets of circuits on disk; users import `neurograph` instead."""
