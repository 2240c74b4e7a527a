"""配達の列: PostgreSQL の上の procrastinate。"""
