"""Access: organizations, projects, users, roles, keys, sessions and the audit log. Who are you, and may you?"""
