/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tps pki: signing certificates, requests and what clients need, for people without an SMS
 * (R60-R68). Files only: keys are made where they stay, and nothing goes over the socket.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/pki/file.h"
#include "lib/pki/key.h"
#include "tps/pki_priv.h"
#include "tps/render.h"

enum { DAYS_DEFAULT = 1825, LEAF_DAYS_DEFAULT = 365 };

/* ---- shared ------------------------------------------------------------------------------ */

int tps_pki_path(const char *name, const char *suffix, char path[TPS_PKI_PATH_SIZE])
{
	size_t len = strlen(name);

	if (len > 0 && name[len - 1] != '/' &&
	    (size_t)snprintf(path, TPS_PKI_PATH_SIZE, "%s.%s", name, suffix) < TPS_PKI_PATH_SIZE)
		return 0;
	(void)fprintf(stderr,
	              "tps: '%.100s' is no name of files\n"
	              "  Give a name without its ending, as signing-ca; a folder may stand "
	              "in front.\n",
	              name);
	return SL_EINVAL;
}

const char *tps_pki_text(const json_t *arguments, const char *key)
{
	return json_string_value(json_object_get(arguments, key));
}

enum tps_exit tps_pki_refuse(const struct pki_error *err)
{
	(void)fprintf(stderr, "tps: %s\n", err->text);
	if (err->remedy[0] != '\0')
		(void)fprintf(stderr, "  %s\n", err->remedy);
	return TPS_REFUSED;
}

enum tps_exit tps_pki_tell(struct tps *tps, const struct cli_command *command, json_t *answer)
{
	struct render render = {.out = stdout, .json = tps->json, .colour = tps->colour};

	render_data(&render, command, answer);
	json_decref(answer);
	return TPS_OK;
}

void tps_pki_describe(json_t *answer, const X509 *certificate)
{
	char text[PKI_SUBJECT_MAX];
	struct pki_validity v;
	struct tm tm;

	(void)json_object_set_new(answer, "subject",
	                          json_string(pki_cert_subject(certificate, text)));
	if (pki_cert_validity(certificate, time(NULL), &v) != 0 ||
	    !gmtime_r(&(time_t){(time_t)v.not_after}, &tm) ||
	    strftime(text, sizeof(text), "%Y-%m-%d", &tm) == 0)
		return;
	(void)json_object_set_new(answer, "valid_until", json_string(text));
	if (v.status != PKI_VALID)
		(void)json_object_set_new(answer, "warning",
		                          json_string(pki_status_name(v.status)));
}

/* ---- what a certificate is for ----------------------------------------------------------- */

struct fields {
	struct pki_subject subject;
	const char *units[PKI_SUBJECT_UNITS_MAX + 1];
	const char *dns[PKI_SUBJECT_DNS_MAX + 1];
	char *copies[2]; /* that these point into */
};

/* Puts NULs in; one item too many is counted, so that it is refused and not lost. */
static size_t split(char *text, const char *separators, const char **items, size_t max)
{
	char *rest = text;
	char *item;
	size_t count = 0;

	while (rest && count < max && (item = strsep(&rest, separators))) {
		item += strspn(item, " ");
		if (*item != '\0')
			items[count++] = item;
	}
	return count;
}

static void read_fields(const json_t *arguments, struct fields *f)
{
	const char *units = tps_pki_text(arguments, "ou");
	const char *dns = tps_pki_text(arguments, "dns");

	memset(f, 0, sizeof(*f));
	f->subject.common_name = tps_pki_text(arguments, "common-name");
	f->subject.email = tps_pki_text(arguments, "email");
	f->subject.organization = tps_pki_text(arguments, "o");
	f->subject.locality = tps_pki_text(arguments, "l");
	f->subject.state = tps_pki_text(arguments, "st");
	f->subject.country = tps_pki_text(arguments, "c");
	f->subject.user = tps_pki_text(arguments, "user");
	f->copies[0] = units ? strdup(units) : NULL;
	f->copies[1] = dns ? strdup(dns) : NULL;
	f->subject.units = f->units;
	f->subject.units_count = split(f->copies[0], ";\n", f->units, SL_ARRAY_LEN(f->units));
	f->subject.dns = f->dns;
	f->subject.dns_count = split(f->copies[1], ",; \n", f->dns, SL_ARRAY_LEN(f->dns));
}

static void free_fields(struct fields *f)
{
	free(f->copies[0]);
	free(f->copies[1]);
}

static enum pki_key_type key_type(const json_t *arguments)
{
	enum pki_key_type type = PKI_KEY_RSA_2048;
	const char *name = tps_pki_text(arguments, "key");

	/* The table of commands has let through what it lists only. */
	if (name && pki_key_type_parse(name, &type) != 0)
		return PKI_KEY_RSA_2048;
	return type;
}

static int read_days(const json_t *arguments, unsigned otherwise, unsigned *ret_days,
                     struct pki_error *err)
{
	const char *text = tps_pki_text(arguments, "days");
	char *end;
	unsigned long days;

	*ret_days = otherwise;
	if (!text)
		return 0;
	days = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || days < 1 || days > PKI_DAYS_MAX)
		return pki_error_set(err, SL_EINVAL, "use 1 to 36500",
		                     "'%.40s' is no number of days", text);
	*ret_days = (unsigned)days;
	return 0;
}

static int read_password(const json_t *arguments, char password[PKI_PASSWORD_MAX],
                         struct pki_error *err)
{
	const char *file = tps_pki_text(arguments, "password-file");
	int rc = pki_password_read(file ? file : "", password, err);

	if (rc == 0 && file && password[0] == '\0')
		return pki_error_set(err, SL_EINVAL, "put the password on its first line",
		                     "%s: no password is in it", file);
	return rc;
}

/* The key first: without it the other file is worth nothing. */
static int write_key(const char *path, EVP_PKEY *key, const json_t *arguments,
                     struct pki_error *err)
{
	char password[PKI_PASSWORD_MAX];
	int rc = read_password(arguments, password, err);

	if (rc == 0)
		rc = pki_key_write(path, key, password[0] ? password : NULL, err);
	OPENSSL_cleanse(password, sizeof(password));
	return rc;
}

/* ---- tps pki make-ca --------------------------------------------------------------------- */

static int write_ca(const struct pki_issuer *ca, const json_t *arguments, const char *certificate,
                    const char *key, struct pki_error *err)
{
	int rc = write_key(key, ca->key, arguments, err);

	if (rc == 0) {
		rc = pki_certificates_write(certificate, ca->certificate, NULL, err);
		if (rc != 0)
			(void)remove(key);
	}
	return rc;
}

static int make_ca(const json_t *arguments, struct pki_issuer *ret_ca, struct pki_error *err)
{
	bool root = json_is_true(json_object_get(arguments, "root"));
	struct fields f;
	unsigned days;
	int rc = read_days(arguments, DAYS_DEFAULT, &days, err);

	if (rc != 0)
		return rc;
	read_fields(arguments, &f);
	rc = (root ? pki_root_make : pki_ca_make)(&f.subject, key_type(arguments), days, time(NULL),
	                                          ret_ca, err);
	free_fields(&f);
	return rc;
}

static enum tps_exit run_make_ca(struct tps *tps, const struct cli_command *command,
                                 const json_t *arguments)
{
	const char *name = tps_pki_text(arguments, "name");
	char certificate[TPS_PKI_PATH_SIZE];
	char key[TPS_PKI_PATH_SIZE];
	struct pki_issuer ca = {0};
	struct pki_error err;
	json_t *answer;

	if (tps_pki_path(name, "pem", certificate) != 0 || tps_pki_path(name, "key", key) != 0)
		return TPS_USAGE;
	if (make_ca(arguments, &ca, &err) != 0)
		return tps_pki_refuse(&err);
	if (write_ca(&ca, arguments, certificate, key, &err) != 0) {
		pki_issuer_fini(&ca);
		return tps_pki_refuse(&err);
	}
	answer = json_pack("{s:s,s:s}", "certificate", certificate, "private_key", key);
	tps_pki_describe(answer, ca.certificate);
	pki_issuer_fini(&ca);
	return tps_pki_tell(tps, command, answer);
}

/* ---- tps pki request --------------------------------------------------------------------- */

static int write_request(X509_REQ *request, EVP_PKEY *pkey, const json_t *arguments,
                         const char *path, const char *key, struct pki_error *err)
{
	int rc = write_key(key, pkey, arguments, err);

	if (rc == 0) {
		rc = pki_request_write(path, request, err);
		if (rc != 0)
			(void)remove(key);
	}
	return rc;
}

static int make_request(const json_t *arguments, const char *path, const char *key,
                        struct pki_error *err)
{
	bool ca = json_is_true(json_object_get(arguments, "ca"));
	X509_REQ *request = NULL;
	EVP_PKEY *pkey = NULL;
	struct fields f;
	int rc;

	read_fields(arguments, &f);
	rc = pki_key_make(key_type(arguments), &pkey, err);
	if (rc == 0)
		rc = pki_request_make(&f.subject, pkey, ca, &request, err);
	if (rc == 0)
		rc = write_request(request, pkey, arguments, path, key, err);
	X509_REQ_free(request);
	EVP_PKEY_free(pkey);
	free_fields(&f);
	return rc;
}

static enum tps_exit run_request(struct tps *tps, const struct cli_command *command,
                                 const json_t *arguments)
{
	const char *name = tps_pki_text(arguments, "name");
	char path[TPS_PKI_PATH_SIZE];
	char key[TPS_PKI_PATH_SIZE];
	struct pki_error err;

	if (tps_pki_path(name, "csr", path) != 0 || tps_pki_path(name, "key", key) != 0)
		return TPS_USAGE;
	if (make_request(arguments, path, key, &err) != 0)
		return tps_pki_refuse(&err);
	return tps_pki_tell(tps, command,
	                    json_pack("{s:s,s:s,s:s}", "request", path, "private_key", key, "next",
	                              "have the request signed, then: tps pki import ANSWER NAME"));
}

/* ---- tps pki sign ------------------------------------------------------------------------ */

static int sign_for(const struct pki_chain *chain, EVP_PKEY *key, const json_t *arguments,
                    X509 **ret_certificate, struct pki_error *err)
{
	const struct pki_issuer issuer = {.certificate = chain->leaf, .key = key};
	X509_REQ *request;
	unsigned days;
	int rc = read_days(arguments, LEAF_DAYS_DEFAULT, &days, err);

	if (rc == 0)
		rc = pki_request_load(tps_pki_text(arguments, "request"), &request, err);
	if (rc != 0)
		return rc;
	rc = pki_request_sign(&issuer, request, days, time(NULL), ret_certificate, err);
	X509_REQ_free(request);
	return rc;
}

/* What a server sends behind the new certificate: its issuer, unless that is a root. */
static int write_signed(X509 *certificate, const struct pki_chain *chain, const char *path,
                        struct pki_error *err)
{
	STACK_OF(X509) *above = sk_X509_dup(chain->intermediates);
	bool root = X509_self_signed(chain->leaf, 0) == 1;
	int rc;

	if (!above || (!root && !sk_X509_unshift(above, chain->leaf)))
		rc = pki_error_set(err, SL_ENOMEM, "", "out of memory");
	else
		rc = pki_certificates_write(path, certificate, above, err);
	sk_X509_free(above);
	return rc;
}

static enum tps_exit run_sign(struct tps *tps, const struct cli_command *command,
                              const json_t *arguments)
{
	const char *password = tps_pki_text(arguments, "password-file");
	const char *path = tps_pki_text(arguments, "output");
	const struct pki_files files = {.certificate = tps_pki_text(arguments, "certificate"),
	                                .private_key = tps_pki_text(arguments, "key"),
	                                .password_file = password ? password : "",
	                                .chain = ""};
	struct pki_chain *chain = NULL;
	EVP_PKEY *key = NULL;
	X509 *certificate = NULL;
	struct pki_error err;
	json_t *answer;
	int rc = pki_chain_load(&files, &chain, &err);

	if (rc == 0)
		rc = pki_key_load(&files, chain->leaf, &key, &err);
	if (rc == 0)
		rc = sign_for(chain, key, arguments, &certificate, &err);
	if (rc == 0)
		rc = write_signed(certificate, chain, path, &err);
	answer = rc == 0 ? json_pack("{s:s}", "certificate", path) : NULL;
	if (rc == 0)
		tps_pki_describe(answer, certificate);
	X509_free(certificate);
	EVP_PKEY_free(key);
	pki_chain_destroy(chain);
	return rc == 0 ? tps_pki_tell(tps, command, answer) : tps_pki_refuse(&err);
}

/* ------------------------------------------------------------------------------------------ */

enum tps_exit tps_pki(struct tps *tps, const struct cli_command *command, json_t *arguments)
{
	switch (command->id) {
	case CLI_PKI_MAKE_CA:
		return run_make_ca(tps, command, arguments);
	case CLI_PKI_REQUEST:
		return run_request(tps, command, arguments);
	case CLI_PKI_SIGN:
		return run_sign(tps, command, arguments);
	case CLI_PKI_IMPORT:
		return tps_pki_import(tps, command, arguments);
	case CLI_PKI_EXPORT:
		return tps_pki_export(tps, command, arguments);
	case CLI_PKI_CHECK_CLIENTS:
		return tps_pki_check_clients(tps, command);
	default:
		return TPS_USAGE;
	}
}
