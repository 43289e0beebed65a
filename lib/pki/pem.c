/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, certificates and requests into files and back. Keys never pass through a buffer of ours. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/pki/ca.h"
#include "lib/pki/file.h"

/* ---- writing ----------------------------------------------------------------------------- */

static int system_error(const char *path, struct pki_error *err)
{
	if (errno == EEXIST)
		return pki_error_set(err, SL_EEXIST, "name another file, or move this one away",
		                     "%s: it is there already", path);
	return pki_error_set(err, SL_ESYS, "check the path and who may write there", "%s: %s", path,
	                     errno ? strerror(errno) : "cannot be written");
}

typedef bool write_fn(BIO *bio, const void *arg);

/* Writes through to the disk, into a file that is open for writing. */
static int write_fd(int fd, const char *path, write_fn *fn, const void *arg, struct pki_error *err)
{
	BIO *bio = BIO_new_fd(fd, BIO_NOCLOSE);
	int rc = 0;

	errno = 0;
	if (!bio || !fn(bio, arg) || fsync(fd) != 0)
		rc = system_error(path, err);
	BIO_free(bio);
	ERR_clear_error();
	return rc;
}

/* A half-written file is taken away again. */
static int write_new(const char *path, mode_t mode, write_fn *fn, const void *arg,
                     struct pki_error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	int rc;

	if (fd < 0)
		return system_error(path, err);
	rc = write_fd(fd, path, fn, arg, err);
	(void)close(fd);
	if (rc != 0)
		(void)unlink(path);
	return rc;
}

struct key_of {
	EVP_PKEY *key;
	const char *password;
};

static bool write_key(BIO *bio, const void *arg)
{
	const struct key_of *k = arg;
	int len = k->password ? (int)strlen(k->password) : 0;

	return PEM_write_bio_PKCS8PrivateKey(bio, k->key, k->password ? EVP_aes_256_cbc() : NULL,
	                                     k->password, len, NULL, NULL) == 1;
}

static bool write_issuer(BIO *bio, const void *arg)
{
	const struct pki_issuer *issuer = arg;
	const struct key_of k = {.key = issuer->key};

	return write_key(bio, &k) && PEM_write_bio_X509(bio, issuer->certificate);
}

struct certificates {
	X509 *leaf;
	STACK_OF(X509) * chain;
};

static bool write_certificates(BIO *bio, const void *arg)
{
	const struct certificates *c = arg;
	bool ok = PEM_write_bio_X509(bio, c->leaf);

	for (int i = 0; ok && i < sk_X509_num(c->chain); i++)
		ok = PEM_write_bio_X509(bio, sk_X509_value(c->chain, i));
	return ok;
}

static bool write_request(BIO *bio, const void *arg)
{
	return PEM_write_bio_X509_REQ(bio, arg) == 1;
}

static bool write_der(BIO *bio, const void *arg)
{
	return i2d_X509_bio(bio, arg) == 1;
}

int pki_issuer_write_fd(const struct pki_issuer *issuer, int fd, const char *path,
                        struct pki_error *err)
{
	return write_fd(fd, path, write_issuer, issuer, err);
}

int pki_key_write(const char *path, EVP_PKEY *key, const char *password, struct pki_error *err)
{
	const struct key_of k = {.key = key, .password = password};

	return write_new(path, 0600, write_key, &k, err);
}

int pki_certificates_write(const char *path, X509 *leaf, STACK_OF(X509) * chain,
                           struct pki_error *err)
{
	const struct certificates c = {.leaf = leaf, .chain = chain};

	return write_new(path, 0644, write_certificates, &c, err);
}

int pki_request_write(const char *path, X509_REQ *request, struct pki_error *err)
{
	return write_new(path, 0644, write_request, request, err);
}

int pki_certificate_write_der(const char *path, X509 *certificate, struct pki_error *err)
{
	return write_new(path, 0644, write_der, certificate, err);
}

/* ---- reading ----------------------------------------------------------------------------- */

static X509_REQ *parse_request(const struct pki_file *file)
{
	BIO *bio = BIO_new_mem_buf(file->data, (int)file->len);
	const unsigned char *at = file->data;
	X509_REQ *request = bio ? PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	return request ? request : d2i_X509_REQ(NULL, &at, (long)file->len);
}

int pki_request_load(const char *path, X509_REQ **ret_request, struct pki_error *err)
{
	struct pki_file file;
	X509_REQ *request;
	int rc = pki_file_read(path, false, &file, err);

	if (rc != 0)
		return rc;
	ERR_clear_error();
	request = parse_request(&file);
	pki_file_fini(&file);
	ERR_clear_error();
	if (!request)
		return pki_error_set(err, SL_EMALFORMED,
		                     "it has to be a signing request (PKCS#10) in PEM or DER",
		                     "%s holds no signing request", path);
	*ret_request = request;
	return 0;
}
