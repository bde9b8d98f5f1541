"""The EHR on screen: sign in, choose a child, open the record with an app in it."""
