"""Which protocol holds: files brought and looked at, published by two people; settings; what a draft would do."""
