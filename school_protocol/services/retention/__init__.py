"""How long cases are kept, and how they end: limits, holds, notices, a human's word, erasure; and people's rights."""
