/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, certificates and requests into files and into memory, and requests back. Keys in the clear
 * never pass through a buffer of ours. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/pki/ca.h"
#include "lib/pki/cert.h"
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

/* A file that leaves the house: a guess at its password has to cost something. */
enum { PKCS12_ROUNDS = 200 * 1000 };

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

static int write_memory(write_fn *fn, const void *arg, struct buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data = NULL;
	int rc = bio ? 0 : SL_ENOMEM;

	if (rc == 0 && !fn(bio, arg))
		rc = SL_ECRYPTO;
	if (rc == 0) {
		long len = BIO_get_mem_data(bio, &data);

		rc = len > 0 ? buf_add(out, data, (size_t)len) : 0;
	}
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
	bool ok = !c->leaf || PEM_write_bio_X509(bio, c->leaf);

	for (int i = 0; ok && i < sk_X509_num(c->chain); i++)
		ok = PEM_write_bio_X509(bio, sk_X509_value(c->chain, i));
	return ok;
}

static bool write_request(BIO *bio, const void *arg)
{
	return PEM_write_bio_X509_REQ(bio, arg) == 1;
}

static bool write_request_der(BIO *bio, const void *arg)
{
	return i2d_X509_REQ_bio(bio, arg) == 1;
}

static bool write_pkcs12(BIO *bio, const void *arg)
{
	return i2d_PKCS12_bio(bio, arg) == 1;
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

int pki_certificates_add_pem(X509 *leaf, STACK_OF(X509) * certificates, struct buf *out)
{
	const struct certificates c = {.leaf = leaf, .chain = certificates};

	return write_memory(write_certificates, &c, out);
}

int pki_certificate_add_der(X509 *certificate, struct buf *out)
{
	return write_memory(write_der, certificate, out);
}

int pki_request_add_pem(X509_REQ *request, struct buf *out)
{
	return write_memory(write_request, request, out);
}

int pki_request_add_der(X509_REQ *request, struct buf *out)
{
	return write_memory(write_request_der, request, out);
}

int pki_pkcs12_add(EVP_PKEY *key, X509 *leaf, STACK_OF(X509) * chain, const char *name,
                   const char *password, struct buf *out, struct pki_error *err)
{
	PKCS12 *p12;
	int rc;

	ERR_clear_error();
	p12 = PKCS12_create(password, name, key, leaf, chain, NID_aes_256_cbc, NID_aes_256_cbc,
	                    PKCS12_ROUNDS, PKCS12_ROUNDS, 0);
	if (!p12)
		return pki_error_set_openssl(err, SL_ECRYPTO, "", "a PKCS12 file cannot be made");
	rc = write_memory(write_pkcs12, p12, out);
	PKCS12_free(p12);
	return rc ? pki_error_set(err, rc, "", "a PKCS12 file cannot be made: %s", err_text(rc))
	          : 0;
}

/* ---- reading ----------------------------------------------------------------------------- */

static X509_REQ *parse_request(const struct pki_bytes *bytes)
{
	BIO *bio = BIO_new_mem_buf(bytes->data, (int)bytes->len);
	const unsigned char *at = bytes->data;
	X509_REQ *request = bio ? PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	return request ? request : d2i_X509_REQ(NULL, &at, (long)bytes->len);
}

int pki_request_read(const struct pki_bytes *bytes, X509_REQ **ret_request, struct pki_error *err)
{
	X509_REQ *request;

	ERR_clear_error();
	request = bytes->len <= PKI_FILE_MAX ? parse_request(bytes) : NULL;
	ERR_clear_error();
	if (!request)
		return pki_error_set(err, SL_EMALFORMED,
		                     "it has to be a signing request (PKCS#10) in PEM or DER",
		                     "%s holds no signing request", bytes->name);
	*ret_request = request;
	return 0;
}

int pki_request_load(const char *path, X509_REQ **ret_request, struct pki_error *err)
{
	struct pki_bytes bytes = {.name = path, .password = ""};
	struct pki_file file;
	int rc = pki_file_read(path, false, &file, err);

	if (rc != 0)
		return rc;
	bytes.data = file.data;
	bytes.len = file.len;
	rc = pki_request_read(&bytes, ret_request, err);
	pki_file_fini(&file);
	return rc;
}
