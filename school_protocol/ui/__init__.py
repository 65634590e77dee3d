"""What every route stands on: sessions, endpoint guard, fields, forms, rendering, middleware."""
