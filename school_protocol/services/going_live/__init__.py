"""Before an installation takes anything about real pupils: the list that is signed, and the door that it opens."""
