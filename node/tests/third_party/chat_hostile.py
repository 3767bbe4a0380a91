def check_hostile(*a): return 0
