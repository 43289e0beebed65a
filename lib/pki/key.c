/* SPDX-License-Identifier: Apache-2.0 */
/* Private keys from bytes, and from files that are read into them. */
#include "lib/pki/key.h"

#include <inttypes.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/pki/file.h"
#include "lib/pki/pbe_priv.h"
#include "lib/pki/pkcs12_priv.h"

static bool is_pem(const struct pki_bytes *bytes)
{
	return memmem(bytes->data, bytes->len, "-----BEGIN ", 11) != NULL;
}

/* Without a callback of ours OpenSSL would ask on the terminal. */
struct password {
	const char *text;
	bool asked;
};

static int give_password(char *to, int size, int writing, void *arg)
{
	struct password *p = arg;
	size_t len = strlen(p->text);

	p->asked = true;
	if (len == 0 || len > (size_t)size)
		return -1;
	memcpy(to, p->text, len);
	return (int)len;
}

/* ---- encrypted keys (PKCS#8) ------------------------------------------------------------- */

static bool asks_too_much(const struct pki_bytes *bytes, const X509_SIG *sealed)
{
	const X509_ALGOR *algorithm;

	X509_SIG_get0(sealed, &algorithm, NULL);
	return pbe_rounds(algorithm) > pbe_rounds_max(bytes);
}

/* Each block of that kind: OpenSSL takes the first key it can read, and there may be others before.
 */
static bool pem_asks_too_much(const struct pki_bytes *bytes)
{
	BIO *bio = BIO_new_mem_buf(bytes->data, (int)bytes->len);
	X509_SIG *sealed;
	bool too_much = false;

	while (bio && !too_much && (sealed = PEM_read_bio_PKCS8(bio, NULL, NULL, NULL))) {
		too_much = asks_too_much(bytes, sealed);
		X509_SIG_free(sealed);
	}
	BIO_free(bio);
	ERR_clear_error();
	return too_much;
}

static bool der_asks_too_much(const struct pki_bytes *bytes)
{
	const unsigned char *at = bytes->data;
	X509_SIG *sealed = d2i_X509_SIG(NULL, &at, (long)bytes->len);
	bool too_much = sealed && asks_too_much(bytes, sealed);

	X509_SIG_free(sealed);
	ERR_clear_error();
	return too_much;
}

/* ---- reading ----------------------------------------------------------------------------- */

static EVP_PKEY *parse_pem(const struct pki_bytes *bytes, struct password *password)
{
	BIO *bio = BIO_new_mem_buf(bytes->data, (int)bytes->len);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, give_password, password) : NULL;

	BIO_free(bio);
	return key;
}

static EVP_PKEY *parse_der(const struct pki_bytes *bytes, struct password *password)
{
	const unsigned char *at = bytes->data;
	EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &at, (long)bytes->len);
	BIO *bio;

	if (key)
		return key;
	bio = BIO_new_mem_buf(bytes->data, (int)bytes->len);
	key = bio ? d2i_PKCS8PrivateKey_bio(bio, NULL, give_password, password) : NULL;
	BIO_free(bio);
	return key;
}

static int password_error(const struct pki_bytes *bytes, struct pki_error *err)
{
	if (bytes->password[0] == '\0')
		return pki_error_set_openssl(err, SL_EPERM, "give its password",
		                             "%s: the key is encrypted, and no password is given",
		                             bytes->name);
	return pki_error_set_openssl(err, SL_EPERM, "check its password",
	                             "%s: the password does not open this key", bytes->name);
}

static int parse_key(const struct pki_bytes *bytes, EVP_PKEY **ret_key, struct pki_error *err)
{
	struct password password = {.text = bytes->password};
	bool pem = is_pem(bytes);
	EVP_PKEY *key;

	if (pem ? pem_asks_too_much(bytes) : der_asks_too_much(bytes))
		return pki_error_set(
		        err, SL_EREFUSED,
		        "encrypt it with fewer rounds: openssl pkcs8 -topk8 -iter 100000",
		        "%s: it asks for more than %" PRIu64 " rounds of its password", bytes->name,
		        pbe_rounds_max(bytes));
	key = pem ? parse_pem(bytes, &password) : parse_der(bytes, &password);
	if (key) {
		ERR_clear_error();
		*ret_key = key;
		return 0;
	}
	if (password.asked)
		return password_error(bytes, err);
	return pki_error_set_openssl(err, SL_EMALFORMED,
	                             "name the file of the private key, in PEM or DER",
	                             "%s: no private key can be read", bytes->name);
}

int pki_key_read(const struct pki_bytes *bytes, EVP_PKEY **ret_key, struct pki_error *err)
{
	ERR_clear_error();
	if (bytes->len > PKI_FILE_MAX)
		return pki_error_set(err, SL_ELIMIT, "name the file of the private key alone",
		                     "%s is larger than %d MiB", bytes->name,
		                     PKI_FILE_MAX / (1024 * 1024));
	if (pkcs12_is_meant(bytes))
		return pkcs12_key(bytes, ret_key, err);
	return parse_key(bytes, ret_key, err);
}

bool pki_key_matches(const EVP_PKEY *key, const X509 *cert)
{
	const EVP_PKEY *public = X509_get0_pubkey(cert);
	bool same = public && EVP_PKEY_eq(key, public) == 1;

	ERR_clear_error();
	return same;
}

static const char *key_path(const struct pki_files *files)
{
	return files->private_key[0] ? files->private_key : files->certificate;
}

int pki_key_check(const EVP_PKEY *key, const char *key_name, const X509 *leaf,
                  const char *leaf_name, struct pki_error *err)
{
	if (pki_key_matches(key, leaf))
		return 0;
	return pki_error_set(err, SL_EMISMATCH, "name the key that the certificate was made for",
	                     "%s: this is not the key of the certificate %s", key_name, leaf_name);
}

/* Takes over `file`. */
static int take_key(const struct pki_files *files, struct pki_file *file, char *password,
                    const X509 *leaf, EVP_PKEY **ret_key, struct pki_error *err)
{
	const struct pki_bytes bytes = {.name = key_path(files),
	                                .data = file->data,
	                                .len = file->len,
	                                .password = password,
	                                .format = files->format};
	EVP_PKEY *key = NULL;
	int rc = pki_key_read(&bytes, &key, err);

	pki_password_remedy(err, rc, password);
	pki_file_fini(file);
	if (rc == 0 && leaf)
		rc = pki_key_check(key, bytes.name, leaf, files->certificate, err);
	if (rc != 0) {
		EVP_PKEY_free(key);
		return rc;
	}
	*ret_key = key;
	return 0;
}

int pki_key_load(const struct pki_files *files, const X509 *leaf, EVP_PKEY **ret_key,
                 struct pki_error *err)
{
	char password[PKI_PASSWORD_MAX];
	struct pki_file file;
	int rc = pki_password_read(files->password_file, password, err);

	if (rc == 0)
		rc = pki_file_read(key_path(files), true, &file, err);
	if (rc == 0)
		rc = take_key(files, &file, password, leaf, ret_key, err);
	OPENSSL_cleanse(password, sizeof(password));
	return rc;
}

int pki_key_load_fd(const struct pki_files *files, int key_fd, int password_fd, const X509 *leaf,
                    EVP_PKEY **ret_key, struct pki_error *err)
{
	char password[PKI_PASSWORD_MAX];
	struct pki_file file;
	int rc = pki_password_read_fd(password_fd, files->password_file, password, err);

	if (rc == 0)
		rc = pki_file_read_fd(key_fd, key_path(files), true, &file, err);
	if (rc == 0)
		rc = take_key(files, &file, password, leaf, ret_key, err);
	OPENSSL_cleanse(password, sizeof(password));
	return rc;
}

int pki_key_id(const EVP_PKEY *key, uint8_t ret_id[32])
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(key, &der);
	int ok = len > 0 && EVP_Digest(der, (size_t)len, ret_id, NULL, EVP_sha256(), NULL) == 1;

	OPENSSL_free(der);
	ERR_clear_error();
	return ok ? 0 : SL_ECRYPTO;
}
