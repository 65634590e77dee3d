"""What can wait: how often each person is told, their due dates in their own calendar, and the mails of a demo."""
