"""OpenID Connect の提供者と話す。"""
