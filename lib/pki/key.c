/* SPDX-License-Identifier: Apache-2.0 */
/* Private keys from files. */
#include "lib/pki/key.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/pki/file.h"
#include "lib/pki/pkcs12_priv.h"

/* Without a callback of ours OpenSSL would ask on the terminal. */
struct password {
	char text[PKI_PASSWORD_MAX];
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

static EVP_PKEY *parse_pem(const struct pki_file *file, struct password *password)
{
	BIO *bio = BIO_new_mem_buf(file->data, (int)file->len);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, give_password, password) : NULL;

	BIO_free(bio);
	return key;
}

static EVP_PKEY *parse_der(const struct pki_file *file, struct password *password)
{
	const unsigned char *at = file->data;
	EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &at, (long)file->len);
	BIO *bio;

	if (key)
		return key;
	bio = BIO_new_mem_buf(file->data, (int)file->len);
	key = bio ? d2i_PKCS8PrivateKey_bio(bio, NULL, give_password, password) : NULL;
	BIO_free(bio);
	return key;
}

static int password_error(const char *path, const struct password *password, struct pki_error *err)
{
	if (password->text[0] == '\0')
		return pki_error_set(err, SL_EPERM, "name a password_file",
		                     "%s: the key is encrypted, and no password is named", path);
	return pki_error_set_openssl(err, SL_EPERM, "check the first line of its password_file",
	                             "%s: the password does not open this key", path);
}

static int parse_key(const char *path, const struct pki_file *file, enum pki_format format,
                     struct password *password, EVP_PKEY **ret_key, struct pki_error *err)
{
	bool pem = memmem(file->data, file->len, "-----BEGIN ", 11) != NULL;
	EVP_PKEY *key;

	ERR_clear_error();
	if (format == PKI_FORMAT_PKCS12 ||
	    (format == PKI_FORMAT_AUTO && !pem && pkcs12_detect(file->data, file->len)))
		return pkcs12_key(path, file->data, file->len, password->text, ret_key, err);
	key = pem ? parse_pem(file, password) : parse_der(file, password);
	if (key) {
		ERR_clear_error();
		*ret_key = key;
		return 0;
	}
	if (password->asked)
		return password_error(path, password, err);
	return pki_error_set_openssl(err, SL_EMALFORMED,
	                             "name the file of the private key, in PEM or DER",
	                             "%s: no private key can be read", path);
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

/* Takes over `file`. */
static int take_key(const struct pki_files *files, struct pki_file *file, struct password *password,
                    const X509 *leaf, EVP_PKEY **ret_key, struct pki_error *err)
{
	const char *path = key_path(files);
	EVP_PKEY *key = NULL;
	int rc = parse_key(path, file, files->format, password, &key, err);

	pki_file_fini(file);
	if (rc != 0)
		return rc;
	if (leaf && !pki_key_matches(key, leaf)) {
		EVP_PKEY_free(key);
		return pki_error_set(
		        err, SL_EMISMATCH, "name the key that the certificate was made for",
		        "%s: this is not the key of the certificate %s", path, files->certificate);
	}
	*ret_key = key;
	return 0;
}

int pki_key_load(const struct pki_files *files, const X509 *leaf, EVP_PKEY **ret_key,
                 struct pki_error *err)
{
	struct password password = {0};
	struct pki_file file;
	int rc = pki_password_read(files->password_file, password.text, err);

	if (rc == 0)
		rc = pki_file_read(key_path(files), true, &file, err);
	if (rc == 0)
		rc = take_key(files, &file, &password, leaf, ret_key, err);
	OPENSSL_cleanse(&password, sizeof(password));
	return rc;
}

int pki_key_load_fd(const struct pki_files *files, int key_fd, int password_fd, const X509 *leaf,
                    EVP_PKEY **ret_key, struct pki_error *err)
{
	struct password password = {0};
	struct pki_file file;
	int rc = pki_password_read_fd(password_fd, files->password_file, password.text, err);

	if (rc == 0)
		rc = pki_file_read_fd(key_fd, key_path(files), true, &file, err);
	if (rc == 0)
		rc = take_key(files, &file, &password, leaf, ret_key, err);
	OPENSSL_cleanse(&password, sizeof(password));
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
