"""外への HTTP。利用者が書いた URL(OIDC の提供者など)へは、必ず ``http.OutgoingHttp`` を通して送る。"""
