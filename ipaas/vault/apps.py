from django.apps import AppConfig


class VaultConfig(AppConfig):
    name = "ipaas.vault"
    label = "vault"

    def ready(self) -> None:
        from ipaas import audit
        from ipaas.core import providers
        from ipaas.vault.data_keys import platform_key
        from ipaas.vault.keys import keyring

        providers.register("vault.platform_key", platform_key)
        providers.register("vault.keyring", keyring)
        audit.register_actions(
            {
                "secret.created": "A secret was made.",
                "secret.version_added": "A new version of a secret was entered.",
                "secret.version_revoked": "A version of a secret was revoked and wiped.",
                "secret.changed": "Description or expiry of a secret was changed.",
                "secret.deleted": "A secret was deleted with all its versions.",
                "secret.registered": "A secret was made of a value that a backend holds already.",
                "secret.version_found": "Somebody changed a value in the backend; it is a new version.",
                "secret.rotation_set": "How often a secret is rotated, and by whom, was changed.",
                "secret.rotated": "The platform made the next value of a secret.",
                "secret.collected": "A value that the platform made up was shown, once, to be told to who needs it.",
                "secret.revealed": "The glass was broken: a person read the live value of a secret.",
                "secret.migrated": "The versions of a secret were moved to another store, and checked there.",
                "vault.backend_set": "Where a workspace keeps its secrets was changed.",
                "vault.backend_down": "The store of secrets could not be used for a minute: runs that need it wait.",
                "vault.backend_back": "The store of secrets can be used again.",
                "secret.read": "A process opened a version of a secret, so often within a minute, for these flows.",
                "vault.key_added": "A version of the key-encryption key was added.",
                "vault.rewrapped": "Data keys were wrapped anew by the current key-encryption key.",
                "vault.key_retired": "An old version of the key-encryption key was removed.",
            }
        )
