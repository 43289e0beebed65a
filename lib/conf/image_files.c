/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public files that a document names, read into the sections of an image. Each file's error is
 * listed at the setting that names it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/conf/config.h"
#include "lib/conf/digest.h"
#include "lib/conf/error.h"
#include "lib/conf/image_priv.h"
#include "lib/conf/node.h"
#include "lib/pki/cert.h"
#include "lib/pki/forge.h"

enum { EXPIRY_NOTICE_DAYS = 30 };

static int add_of(struct conf_image_maker *m, const char *pattern, const char *what,
                  const struct buf *content)
{
	char name[CONF_IMAGE_NAME_MAX];

	return conf_image_add(m, image_section_name(name, pattern, what), content->data,
	                      content->len);
}

/* ---- certificates ------------------------------------------------------------------------ */

static void pki_refusal(const struct gather *g, const struct pki_error *err)
{
	(void)conf_errors_add(g->errs, g->node, err->code, err->remedy, "%s", err->text);
}

static void check_code(const struct gather *g, int rc)
{
	if (rc != 0)
		(void)conf_errors_add(g->errs, g->node, rc, "", "%s", err_text(rc));
}

/* R74, R82: said when the document is loaded; control says it again as time goes by. */
static void notice_validity(const struct gather *g, const char *name, const X509 *cert)
{
	struct pki_validity v;

	if (pki_cert_validity(cert, (int64_t)time(NULL), &v) != 0)
		conf_errors_notice(g->errs, g->node, "replace it",
		                   "the dates of the certificate \"%s\" cannot be read", name);
	else if (v.status == PKI_EXPIRED)
		conf_errors_notice(g->errs, g->node, "replace it: clients refuse it",
		                   "the certificate \"%s\" has expired", name);
	else if (v.status == PKI_NOT_YET_VALID)
		conf_errors_notice(g->errs, g->node, "check the clock, or wait",
		                   "the certificate \"%s\" is not yet valid", name);
	else if (v.days_left < EXPIRY_NOTICE_DAYS)
		conf_errors_notice(g->errs, g->node, "replace it in time",
		                   "the certificate \"%s\" expires in %d days", name, v.days_left);
}

static void count_name(void *arg, const char *name)
{
	size_t *count = arg;

	(*count)++;
}

/* A certificate that no SNI can choose. */
static void notice_nameless(const struct gather *g, const char *name, const X509 *cert)
{
	size_t count = 0;

	(void)pki_cert_names(cert, count_name, &count);
	if (count == 0)
		conf_errors_notice(g->errs, g->node, "it serves as default certificate only",
		                   "the certificate \"%s\" has no DNS name", name);
}

static void gather_certificate(struct gather *g, const struct config_certificate *c)
{
	const struct pki_files files = {
	        .certificate = c->certificate,
	        .private_key = c->private_key,
	        .password_file = c->password_file,
	        .chain = c->chain,
	        .format = (enum pki_format)c->format,
	};
	struct pki_chain *chain;
	struct pki_error err;
	struct buf pem;
	int rc = pki_chain_load(&files, &chain, &err);

	if (rc == SL_ESYS)
		(void)snprintf(err.remedy, sizeof(err.remedy), "%s",
		               "let the user of this process read it (chown sluice), or keep "
		               "certificate and key in files of their own");
	if (rc != 0) {
		pki_refusal(g, &err);
		return;
	}
	notice_validity(g, c->name, chain->leaf);
	if (!config_is_issuer(conf_image_maker_config(g->m), c))
		notice_nameless(g, c->name, chain->leaf);
	if (pki_chain_is_broken(chain))
		conf_errors_notice(g->errs, g->node,
		                   "put the intermediates behind it, each issued by the next",
		                   "the chain of the certificate \"%s\" does not lead on", c->name);
	buf_init(&pem, CONF_RULES_FILE_MAX);
	rc = pki_chain_write_pem(chain, &pem);
	if (rc == 0)
		rc = add_of(g->m, CONF_SECTION_CERTIFICATE, c->name, &pem);
	check_code(g, rc);
	buf_fini(&pem);
	pki_chain_destroy(chain);
}

/* R93. Out of its time is a notice (above): it may be so later too, and forges nothing then (R153).
 */
static void check_issuer(struct gather *g, const struct config_certificate *c)
{
	char name[CONF_IMAGE_NAME_MAX];
	struct pki_chain *chain;
	struct pki_error err;
	const void *pem;
	size_t len;

	if (!c ||
	    conf_image_maker_section(g->m,
	                             image_section_name(name, CONF_SECTION_CERTIFICATE, c->name),
	                             &pem, &len) != 0 ||
	    pki_chain_parse(c->name, pem, len, &chain, &err) != 0)
		return; /* not read: said already */
	if (pki_issuer_check(chain->leaf, (int64_t)time(NULL)) == SL_EINVAL)
		(void)conf_errors_add(g->errs, g->node, SL_EINVAL,
		                      "name a CA certificate (CA true, key usage keyCertSign)",
		                      "the certificate \"%s\" is no CA: it cannot sign for servers",
		                      c->name);
	pki_chain_destroy(chain);
}

static void gather_ca(struct gather *g, const char *pattern, const char *name, const char *path)
{
	struct pki_error err;
	struct buf pem;

	buf_init(&pem, CONF_RULES_FILE_MAX);
	if (pki_certificates_load_pem(path, &pem, &err) != 0)
		pki_refusal(g, &err);
	else
		check_code(g, add_of(g->m, pattern, name, &pem));
	buf_fini(&pem);
}

/* ---- rules ------------------------------------------------------------------------------- */

int gather_read(const char *path, struct buf *text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	uint8_t *room;
	ssize_t got = 0;
	int rc = fd < 0 || fstat(fd, &st) != 0 ? SL_ESYS : 0;

	if (rc == 0 && !S_ISREG(st.st_mode)) {
		errno = EINVAL;
		rc = SL_ESYS;
	}
	if (rc == 0 && st.st_size > 0)
		rc = buf_reserve(text, (size_t)st.st_size, &room);
	while (rc == 0 && text->len < (size_t)st.st_size) {
		got = read(fd, text->data + text->len, (size_t)st.st_size - text->len);
		if (got < 0 && errno != EINTR)
			rc = SL_ESYS;
		if (got == 0)
			break;
		if (got > 0)
			text->len += (size_t)got;
	}
	if (fd >= 0) {
		int error = errno;

		(void)close(fd);
		errno = error;
	}
	return rc;
}

/* A document may say which text it means (`sha256`), so that a file cannot change under it. */
static bool is_meant(const struct config_filters *f, const void *text, size_t len)
{
	uint8_t digest[CONF_DIGEST_LEN];
	char hex[2 * sizeof(digest) + 1] = "";

	if (f->sha256[0] == '\0')
		return true;
	if (conf_digest(text, len, digest) != 0)
		return false;
	for (size_t i = 0; i < sizeof(digest); i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return strcasecmp(hex, f->sha256) == 0;
}

/* PEM armour begins a line. Inside one it is what a rule looks for: filters against leaked keys. */
static bool is_pem(const struct buf *text)
{
	static const char armour[] = "\n-----BEGIN ";
	size_t len = sizeof(armour) - 2;

	return text->len >= len && (memcmp(text->data, armour + 1, len) == 0 ||
	                            memmem(text->data, text->len, armour, len + 1));
}

static void add_rules(struct gather *g, const char *path, const char *name, const struct buf *text)
{
	int rc;

	if (is_pem(text)) {
		(void)conf_errors_add(g->errs, g->node, SL_EINVAL, "name a file of rules",
		                      "%s: this is a certificate or key", path);
		return;
	}
	rc = conf_image_add(g->m, name, text->data, text->len);
	if (rc != 0)
		(void)conf_errors_add(g->errs, g->node, rc, "split the file",
		                      "%s: the rules are not taken: %s", path, err_text(rc));
}

/* A file that several filters name is read once. */
static void gather_rules(struct gather *g, const struct config_filters *f)
{
	char name[CONF_IMAGE_NAME_MAX];
	const void *data;
	struct buf text;
	size_t len;
	int rc = 0;

	image_section_name(name, CONF_SECTION_RULES, f->rules);
	buf_init(&text, CONF_RULES_FILE_MAX);
	if (conf_image_maker_section(g->m, name, &data, &len) != 0) {
		rc = gather_read(f->rules, &text);
		if (rc == 0)
			add_rules(g, f->rules, name, &text);
	}
	if (rc == SL_ESYS)
		(void)conf_errors_add(
		        g->errs, g->node, SL_ENOENT, "check the path and who may read it",
		        "%s: the rules cannot be read: %s", f->rules, strerror(errno));
	else if (rc != 0)
		(void)conf_errors_add(g->errs, g->node, rc, "split the file",
		                      "%s: the rules are not taken: %s", f->rules, err_text(rc));
	else if (conf_image_maker_section(g->m, name, &data, &len) == 0 && !is_meant(f, data, len))
		(void)conf_errors_add(g->errs, g->node, SL_EMISMATCH,
		                      "bring the file that is meant, or its digest, up to date",
		                      "%s is not the file whose sha256 is named", f->rules);
	buf_fini(&text);
}

/* ---- the document's files ---------------------------------------------------------------- */

const struct conf_node *gather_node(const struct conf_node *map, const char *list, size_t index,
                                    const char *key)
{
	const struct conf_node *node = conf_node_find(map, list);
	const struct conf_node *setting;

	for (node = node ? node->child : NULL; node && index > 0; index--)
		node = node->next;
	setting = node ? conf_node_find(node, key) : NULL;
	return setting ? setting : node;
}

/* A client policy without a trust store verifies by them. Workers make every store that there is.
 */
static bool wants_default_ca(const struct config *c)
{
	for (size_t i = 0; i < c->profiles_count; i++)
		for (size_t k = 0; k < c->profiles[i].client_policies_count; k++)
			if (!c->profiles[i].client_policies[k].trust_store)
				return true;
	for (size_t i = 0; i < c->trust_stores_count; i++)
		if (c->trust_stores[i].include_default_ca_certificates)
			return true;
	return false;
}

static void gather_pki(struct gather *g, const struct conf_node *root)
{
	const struct config *c = conf_image_maker_config(g->m);

	for (size_t i = 0; i < c->certificates_count; i++) {
		g->node = gather_node(root, "certificates", i, "certificate");
		gather_certificate(g, &c->certificates[i]);
	}
	for (size_t i = 0; i < c->client_proxies_count; i++) {
		g->node = gather_node(root, "ssl_client_proxies", i, "signing_certificate");
		check_issuer(g, c->client_proxies[i].signing_certificate);
		g->node = gather_node(root, "ssl_client_proxies", i, "successor");
		check_issuer(g, c->client_proxies[i].successor);
	}
	for (size_t i = 0; i < c->ca_certificates_count; i++) {
		g->node = gather_node(root, "ca_certificates", i, "certificate");
		gather_ca(g, CONF_SECTION_CA_CERTIFICATE, c->ca_certificates[i].name,
		          c->ca_certificates[i].certificate);
	}
	if (wants_default_ca(c)) {
		g->node = conf_node_find(root, "trust_stores");
		gather_ca(g, CONF_SECTION_DEFAULT_CA, "", c->device.default_ca_file);
	}
}

static void gather_filters(struct gather *g, const struct conf_node *root)
{
	const struct config *c = conf_image_maker_config(g->m);

	for (size_t p = 0; p < c->profiles_count; p++)
		for (size_t f = 0; f < c->profiles[p].filters_count; f++) {
			const struct conf_node *profile = gather_node(root, "profiles", p, "");

			g->node = profile ? gather_node(profile, "filters", f, "rules") : NULL;
			gather_rules(g, &c->profiles[p].filters[f]);
		}
}

void image_gather_files(struct conf_image_maker *maker, const struct conf_node *root,
                        struct conf_errors *errs)
{
	struct gather g = {.m = maker, .errs = errs};

	gather_pki(&g, root);
	gather_crls(&g, root);
	gather_filters(&g, root);
	gather_names(&g, root);
	gather_categories(&g, root);
}
