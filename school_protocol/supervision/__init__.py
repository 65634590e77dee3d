"""The academy's desk: review queue, remarks, referral directory, visits."""
