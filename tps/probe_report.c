/* SPDX-License-Identifier: Apache-2.0 */
/* A probe's conclusions, and `tps probe`. */
#include "lib/base/hex.h"
#include "lib/cli/print.h"
#include "tps/probe_report.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "tps/render.h"
#include "tps/run.h"

enum { NAMES_MAX = 20 };

static void set_name(json_t *object, const char *key, const X509_NAME *name)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *text = NULL;
	long len;

	if (!out)
		return;
	(void)X509_NAME_print_ex(out, name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
	len = BIO_get_mem_data(out, &text);
	(void)json_object_set_new(object, key, json_stringn(text ? text : "", (size_t)len));
	BIO_free(out);
}

static void set_time(json_t *object, const char *key, const ASN1_TIME *time)
{
	struct tm tm;
	char text[32];

	if (ASN1_TIME_to_tm(time, &tm) == 1 &&
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0)
		(void)json_object_set_new(object, key, json_string(text));
}

static json_t *names_of(X509 *cert)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	json_t *list = json_array();

	for (int i = 0; i < sk_GENERAL_NAME_num(names) && i < NAMES_MAX; i++) {
		const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);

		if (n->type == GEN_DNS)
			(void)json_array_append_new(
			        list,
			        json_stringn((const char *)ASN1_STRING_get0_data(n->d.dNSName),
			                     (size_t)ASN1_STRING_length(n->d.dNSName)));
	}
	GENERAL_NAMES_free(names);
	return list;
}

static void set_sha256(json_t *object, X509 *cert)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char text[2 * EVP_MAX_MD_SIZE + 1];
	unsigned len;

	if (X509_digest(cert, EVP_sha256(), digest, &len) != 1)
		return;
	(void)json_object_set_new(object, "sha256", json_string(hex_text(digest, len, text)));
}

void probe_add_chain(json_t *list, const STACK_OF(X509) * chain)
{
	X509 *leaf = sk_X509_num(chain) > 0 ? sk_X509_value(chain, 0) : NULL;
	json_t *object = json_object(), *one;
	EVP_PKEY *key;
	char text[64];
	size_t i;

	if (!leaf) {
		json_decref(object);
		return;
	}
	key = X509_get0_pubkey(leaf);
	set_name(object, "subject", X509_get_subject_name(leaf));
	set_name(object, "issuer", X509_get_issuer_name(leaf));
	(void)json_object_set_new(object, "names", names_of(leaf));
	set_time(object, "not_before", X509_get0_notBefore(leaf));
	set_time(object, "not_after", X509_get0_notAfter(leaf));
	(void)snprintf(text, sizeof(text), "%s %d", key ? EVP_PKEY_get0_type_name(key) : "unknown",
	               key ? EVP_PKEY_get_bits(key) : 0);
	(void)json_object_set_new(object, "key", json_string(text));
	(void)json_object_set_new(object, "intermediates", json_integer(sk_X509_num(chain) - 1));
	set_sha256(object, leaf);
	json_array_foreach(list, i, one)
	{
		if (json_equal(json_object_get(one, "sha256"), json_object_get(object, "sha256"))) {
			json_decref(object);
			return;
		}
	}
	(void)json_array_append_new(list, object);
}

/* ---- modern ------------------------------------------------------------------------------ */

/* The preset: TLS 1.2 and later, forward secrecy, authenticated encryption. */
static bool suite_is_modern(const char *version, const char *suite)
{
	if (strcmp(version, "TLSv1.3") == 0)
		return true;
	return strcmp(version, "TLSv1.2") == 0 && strncmp(suite, "ECDHE-", 6) == 0 &&
	       (strstr(suite, "-GCM-") || strstr(suite, "-CHACHA20-"));
}

static unsigned add_cut_suites(const char *version, const json_t *suites, json_t *cut)
{
	unsigned left = 0;
	json_t *one;
	size_t i;

	json_array_foreach(suites, i, one)
	{
		const char *suite = json_string_value(one);
		char text[128];

		if (suite_is_modern(version, suite)) {
			left++;
			continue;
		}
		(void)snprintf(text, sizeof(text), "%s %s", version, suite);
		(void)json_array_append_new(cut, json_string(text));
	}
	return left;
}

static void write_proxy(const struct probe_target *t, const json_t *report, bool modern, FILE *f)
{
	const json_t *versions = json_object_get(report, "versions");
	json_t *one;
	size_t i;

	(void)fprintf(
	        f,
	        "ssl_server_proxies:\n  - name: %s\n    destinations: [%s]\n"
	        "    detection_ports: [\"%s\"]\n    decrypted_service: http\n"
	        "    certificates: [NAME]  # of an entry in certificates, with the server's key\n"
	        "    preset: %s\n",
	        t->sni ? t->sni : "server", t->host, t->port,
	        modern ? "modern" : "seed_compatible");
	(void)fputs("    server_side:\n      protocols: [", f);
	json_array_foreach(versions, i, one)
	{
		(void)fprintf(f, "%s%s", i ? ", " : "", json_string_value(one));
	}
	(void)fputs("]\n", f);
	if (json_is_true(json_object_get(report, "client_certificate")))
		(void)fputs(
		        "    # it asks for a client certificate, which cannot be passed on: set\n"
		        "    # on_failure_class: {client_certificate: bypass} to leave such "
		        "sessions alone\n",
		        f);
}

void probe_judge(const struct probe_target *target, json_t *report)
{
	json_t *cut = json_array(), *suites;
	const char *version;
	char *text = NULL;
	unsigned left = 0;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	json_object_foreach(json_object_get(report, "suites"), version, suites)
	{
		left += add_cut_suites(version, suites, cut);
	}
	(void)json_object_set_new(report, "modern",
	                          json_pack("{s:b,s:o}", "works", left > 0, "cut_off", cut));
	if (!f)
		return;
	write_proxy(target, report, left > 0, f);
	(void)fclose(f);
	(void)json_object_set_new(report, "proxy", json_string(text));
	free(text);
}

/* ---- the command ------------------------------------------------------------------------- */

static void print_report(const json_t *report)
{
	json_t *head = json_copy((json_t *)(uintptr_t)report), *cut, *one;
	const char *proxy = json_string_value(json_object_get(report, "proxy"));
	size_t i;

	(void)json_object_del(head, "proxy");
	(void)json_object_del(head, "modern");
	cli_print_object(stdout, head, 0);
	cut = json_object_get(json_object_get(report, "modern"), "cut_off");
	(void)printf("\npreset modern would cut off:%s\n",
	             json_array_size(cut) > 0 ? "" : " nothing");
	json_array_foreach(cut, i, one)
	{
		(void)printf("  %s\n", json_string_value(one));
	}
	(void)printf("\nproxy entry:\n\n%s", proxy ? proxy : "");
	json_decref(head);
}

enum tps_exit tps_probe(struct tps *tps, json_t *arguments)
{
	const char *server = json_string_value(json_object_get(arguments, "server"));
	struct probe_target target;
	json_t *report;
	int rc;

	if (probe_parse_target(server, &target) != 0) {
		(void)fprintf(stderr, "tps: %s: a server is ADDRESS:PORT\n", server);
		return TPS_USAGE;
	}
	target.sni = json_string_value(json_object_get(arguments, "sni"));
	rc = probe_run(&target, &report);
	if (rc != 0) {
		(void)fprintf(stderr, "tps: %s: %s\n", server,
		              rc == SL_ENOENT ? "it speaks no TLS that this library has"
		                              : strerror(errno));
		return TPS_REFUSED;
	}
	if (tps->json) {
		(void)json_dumpf(report, stdout, JSON_INDENT(2));
		(void)putchar('\n');
	} else {
		print_report(report);
	}
	json_decref(report);
	return TPS_OK;
}
