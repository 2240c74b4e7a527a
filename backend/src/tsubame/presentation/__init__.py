"""見せる層。HTTP と WebSocket を読み書きし、業務を一度呼ぶ。"""
