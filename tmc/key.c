/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that sign packages. */
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <stdio.h>

#include "lib/base/err.h"
#include "lib/pki/error.h"
#include "tmc/tmc.h"

/* In memory that is wiped. */
static int write_private(const char *path, EVP_PKEY *key, struct pki_error *err)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	char *text;
	long len;
	int rc = SL_ECRYPTO;

	if (bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1 &&
	    (len = BIO_get_mem_data(bio, &text)) > 0)
		rc = file_write_new(path, 0600, text, (size_t)len, err);
	else
		(void)pki_error_set(err, rc, "", "the key cannot be written");
	BIO_free(bio);
	return rc;
}

static enum tmc_exit print_public(EVP_PKEY *key)
{
	return PEM_write_PUBKEY(stdout, key) == 1
	               ? TMC_OK
	               : tmc_fail(TMC_REFUSED, "the public key cannot be written");
}

enum tmc_exit tmc_key_new(const struct tmc *tmc, const json_t *arguments)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	enum tmc_exit status = TMC_OK;
	struct pki_error err;

	if (!key)
		return tmc_fail(TMC_REFUSED, "no key can be made");
	if (write_private(tmc_argument(arguments, "file", ""), key, &err) != 0)
		status = tmc_say(&err);
	if (status == TMC_OK)
		status = print_public(key);
	EVP_PKEY_free(key);
	return status;
}

enum tmc_exit tmc_key_public(const struct tmc *tmc, const json_t *arguments)
{
	struct pki_error err;
	enum tmc_exit status;
	EVP_PKEY *key;

	if (package_key_load(tmc_argument(arguments, "file", ""), &key, &err) != 0)
		return tmc_say(&err);
	status = print_public(key);
	EVP_PKEY_free(key);
	return status;
}
