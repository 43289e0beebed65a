/* SPDX-License-Identifier: Apache-2.0 */
/* tps pki import and export: what comes back from a CA, and what clients have to trust (R63, R68).
 */
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/pki/file.h"
#include "lib/pki/key.h"
#include "tps/pki_priv.h"

static int load(const char *path, STACK_OF(X509) * *ret_certs, struct pki_error *err)
{
	struct pki_file file;
	int rc = pki_file_read(path, false, &file, err);

	if (rc != 0)
		return rc;
	rc = pki_certificates_parse(path, file.data, file.len, ret_certs, err);
	pki_file_fini(&file);
	return rc;
}

static bool is_root(X509 *cert)
{
	return X509_self_signed(cert, 0) == 1;
}

/* ---- import ------------------------------------------------------------------------------ */

/* The certificate of the key may stand anywhere in the answer. */
static X509 *find_own(STACK_OF(X509) * certs, const EVP_PKEY *key)
{
	for (int i = 0; i < sk_X509_num(certs); i++)
		if (pki_key_matches(key, sk_X509_value(certs, i)))
			return sk_X509_value(certs, i);
	return NULL;
}

/* Intermediates in the order in which they issue, without the root. */
static int write_chain(X509 *leaf, STACK_OF(X509) * certs, const char *path, bool *ret_complete,
                       struct pki_error *err)
{
	STACK_OF(X509) *above = sk_X509_new_null();
	X509 *top = leaf;
	int rc = above ? 0 : SL_ENOMEM;

	while (rc == 0 && !is_root(top) && sk_X509_num(above) < PKI_CHAIN_MAX) {
		X509 *issuer = pki_find_issuer(certs, top);

		if (!issuer)
			break;
		top = issuer;
		if (!is_root(issuer) && !sk_X509_push(above, issuer))
			rc = SL_ENOMEM;
	}
	if (rc == 0)
		rc = pki_certificates_write(path, leaf, above, err);
	else
		rc = pki_error_set(err, rc, "", "out of memory");
	*ret_complete = is_root(top);
	sk_X509_free(above);
	return rc;
}

static int load_key(const char *path, const json_t *arguments, EVP_PKEY **ret_key,
                    struct pki_error *err)
{
	const char *password = tps_pki_text(arguments, "password-file");
	const struct pki_files files = {.certificate = path,
	                                .private_key = path,
	                                .password_file = password ? password : "",
	                                .chain = ""};

	return pki_key_load(&files, NULL, ret_key, err);
}

static enum tps_exit import_for(struct tps *tps, const struct cli_command *command,
                                STACK_OF(X509) * certs, const EVP_PKEY *key, const char *path,
                                const char *key_path)
{
	X509 *own = find_own(certs, key);
	struct pki_error err;
	bool complete;
	json_t *answer;

	if (!own) {
		(void)pki_error_set(&err, SL_EMISMATCH,
		                    "name the request that this is the answer to",
		                    "no certificate in it is of the key %s", key_path);
		return tps_pki_refuse(&err);
	}
	if (write_chain(own, certs, path, &complete, &err) != 0)
		return tps_pki_refuse(&err);
	answer = json_pack("{s:s,s:s}", "certificate", path, "private_key", key_path);
	tps_pki_describe(answer, own);
	if (!complete)
		(void)json_object_set_new(
		        answer, "note",
		        json_string("the answer does not lead to a root: ask its CA for the root, "
		                    "which clients have to trust, and for what lies between"));
	return tps_pki_tell(tps, command, answer);
}

enum tps_exit tps_pki_import(struct tps *tps, const struct cli_command *command,
                             const json_t *arguments)
{
	const char *name = tps_pki_text(arguments, "name");
	char certificate[TPS_PKI_PATH_SIZE];
	char key_path[TPS_PKI_PATH_SIZE];
	STACK_OF(X509) *certs = NULL;
	EVP_PKEY *key = NULL;
	enum tps_exit status;
	struct pki_error err;

	if (tps_pki_path(name, "pem", certificate) != 0 || tps_pki_path(name, "key", key_path) != 0)
		return TPS_USAGE;
	if (load_key(key_path, arguments, &key, &err) != 0 ||
	    load(tps_pki_text(arguments, "answer"), &certs, &err) != 0)
		status = tps_pki_refuse(&err);
	else
		status = import_for(tps, command, certs, key, certificate, key_path);
	sk_X509_pop_free(certs, X509_free);
	EVP_PKEY_free(key);
	return status;
}

/* ---- export ------------------------------------------------------------------------------ */

/* Up to the root, through the file itself and then `more` (may be NULL). NULL: it is in neither. */
static X509 *find_root(STACK_OF(X509) * certs, STACK_OF(X509) * more)
{
	X509 *top = sk_X509_value(certs, 0);

	for (int i = 0; top && !is_root(top) && i <= PKI_CHAIN_MAX; i++) {
		X509 *issuer = pki_find_issuer(certs, top);

		top = issuer ? issuer : pki_find_issuer(more, top);
	}
	return top && is_root(top) ? top : NULL;
}

static enum tps_exit export_root(struct tps *tps, const struct cli_command *command,
                                 const json_t *arguments, X509 *root)
{
	const char *path = tps_pki_text(arguments, "output");
	const char *format = tps_pki_text(arguments, "format");
	bool der = format && strcmp(format, "der") == 0;
	struct pki_error err;
	json_t *answer;
	int rc = der ? pki_certificate_write_der(path, root, &err)
	             : pki_certificates_write(path, root, NULL, &err);

	if (rc != 0)
		return tps_pki_refuse(&err);
	answer = json_pack("{s:s}", "root", path);
	tps_pki_describe(answer, root);
	return tps_pki_tell(tps, command, answer);
}

enum tps_exit tps_pki_export(struct tps *tps, const struct cli_command *command,
                             const json_t *arguments)
{
	const char *path = tps_pki_text(arguments, "certificate");
	const char *roots = tps_pki_text(arguments, "roots");
	STACK_OF(X509) *certs = NULL;
	STACK_OF(X509) *more = NULL;
	enum tps_exit status;
	struct pki_error err;
	int rc = load(path, &certs, &err);
	X509 *root;

	if (rc == 0 && roots)
		rc = load(roots, &more, &err);
	root = rc == 0 ? find_root(certs, more) : NULL;
	if (rc == 0 && !root)
		rc = pki_error_set(&err, SL_ENOENT,
		                   "name the file that its CA gave out with --roots FILE",
		                   "%s: the root of its chain is not in it", path);
	status = rc == 0 ? export_root(tps, command, arguments, root) : tps_pki_refuse(&err);
	sk_X509_pop_free(certs, X509_free);
	sk_X509_pop_free(more, X509_free);
	return status;
}
