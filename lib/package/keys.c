/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>

#include "lib/base/err.h"
#include "lib/base/hex.h"
#include "lib/package/package.h"
#include "lib/pki/file.h"

static int add_key(struct package_keys *keys, EVP_PKEY *key, const char *path,
                   struct pki_error *err)
{
	int rc = 0;

	if (!EVP_PKEY_is_a(key, "ED25519"))
		rc = pki_error_set(err, SL_EMALFORMED,
		                   "make one: tmc key new FILE, or openssl genpkey "
		                   "-algorithm ed25519",
		                   "%s: packages are signed by Ed25519 keys, and this is another",
		                   path);
	else if (keys->count == PACKAGE_KEYS_MAX)
		rc = pki_error_set(err, SL_ELIMIT, "leave out those that are not in use",
		                   "%s: more than %d keys", path, PACKAGE_KEYS_MAX);
	if (rc != 0)
		EVP_PKEY_free(key);
	else
		keys->items[keys->count++] = key;
	return rc;
}

int package_keys_parse(struct package_keys *keys, const char *name, const void *pem, size_t len,
                       struct pki_error *err)
{
	BIO *bio = len <= PKI_FILE_MAX ? BIO_new_mem_buf(pem, (int)len) : NULL;
	size_t before = keys->count;
	EVP_PKEY *key;
	int rc = 0;

	while (rc == 0 && bio && (key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL)) != NULL)
		rc = add_key(keys, key, name, err);
	ERR_clear_error();
	BIO_free(bio);
	if (rc == 0 && keys->count == before)
		rc = pki_error_set(err, SL_EMALFORMED,
		                   "name the public key: it begins with BEGIN PUBLIC KEY",
		                   "%s: there is no public key in PEM in it", name);
	return rc;
}

int package_keys_load(struct package_keys *keys, const char *path, struct pki_error *err)
{
	struct pki_file file;
	int rc = pki_file_read(path, false, &file, err);

	if (rc != 0)
		return rc;
	rc = package_keys_parse(keys, path, file.data, file.len, err);
	pki_file_fini(&file);
	return rc;
}

int package_key_fingerprint(EVP_PKEY *key, char ret_text[PACKAGE_FINGERPRINT_MAX])
{
	unsigned char digest[PACKAGE_FINGERPRINT_MAX / 2], *der = NULL;
	int len = i2d_PUBKEY(key, &der);
	int good = len > 0 && EVP_Digest(der, (size_t)len, digest, NULL, EVP_sha256(), NULL) == 1;

	OPENSSL_free(der);
	if (!good)
		return SL_ECRYPTO;
	(void)hex_text(digest, sizeof(digest), ret_text);
	return 0;
}

int package_key_load(const char *path, EVP_PKEY **ret_key, struct pki_error *err)
{
	struct pki_file file;
	EVP_PKEY *key;
	BIO *bio;
	int rc = pki_file_read(path, true, &file, err);

	if (rc != 0)
		return rc;
	bio = BIO_new_mem_buf(file.data, (int)file.len);
	key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)"") : NULL;
	ERR_clear_error();
	BIO_free(bio);
	pki_file_fini(&file);
	if (key && EVP_PKEY_is_a(key, "ED25519")) {
		*ret_key = key;
		return 0;
	}
	EVP_PKEY_free(key);
	return pki_error_set(err, SL_EMALFORMED,
	                     "make one: tmc key new FILE, or openssl genpkey -algorithm "
	                     "ed25519",
	                     "%s: there is no Ed25519 private key in PEM in it", path);
}

void package_keys_fini(struct package_keys *keys)
{
	for (size_t i = 0; i < keys->count; i++)
		EVP_PKEY_free(keys->items[i]);
	keys->count = 0;
}
