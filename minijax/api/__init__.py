"""What a user calls: flatten the arguments, transform, unflatten the results."""
