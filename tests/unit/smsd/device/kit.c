/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/smsd/device/kit.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/buf.h"
#include "lib/pki/ca.h"

static void open_vault(struct kit *kit)
{
	struct vault_source source = {.key_file = place_path(kit->place, "vault.key")};

	kit->store = kit->place->store;
	assert_int_equal(vault_open(kit->store, &source, &kit->vault, kit->problem), 0);
	assert_int_equal(device_ca_open(kit->store, kit->vault, kit->problem), 0);
}

int kit_setup(void **state)
{
	struct kit *kit = calloc(1, sizeof(*kit));

	assert_non_null(kit);
	assert_int_equal(place_setup(state), 0);
	kit->place = *state;
	kit->problem = &kit->place->problem;
	assert_int_equal(vault_key_file_make(place_path(kit->place, "vault.key"), kit->problem), 0);
	open_vault(kit);
	*state = kit;
	return 0;
}

int kit_teardown(void **state)
{
	struct kit *kit = *state;
	void *place = kit->place;

	vault_close(kit->vault);
	free(kit);
	return place_teardown(&place);
}

void kit_reopen(struct kit *kit)
{
	vault_close(kit->vault);
	place_close(kit->place);
	place_open(kit->place);
	open_vault(kit);
}

EVP_PKEY *kit_key(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	assert_non_null(key);
	return key;
}

char *kit_request(EVP_PKEY *key)
{
	const struct pki_subject subject = {.common_name = "counts for nothing"};
	X509_REQ *request;
	struct pki_error err;
	struct buf pem;

	assert_int_equal(pki_request_make(&subject, key, false, &request, &err), 0);
	buf_init(&pem, 64 * 1024);
	assert_int_equal(pki_request_add_pem(request, &pem), 0);
	assert_int_equal(buf_add(&pem, "", 1), 0);
	X509_REQ_free(request);
	return (char *)pem.data;
}

json_t *kit_enrolment(const char *token, EVP_PKEY *key)
{
	EVP_PKEY *sealing;
	uint8_t public[HPKE_PUBLIC];
	char base64[64], *request = kit_request(key);
	json_t *body;

	assert_int_equal(hpke_key_make(&sealing), 0);
	assert_int_equal(hpke_public(sealing, public), 0);
	EVP_PKEY_free(sealing);
	(void)EVP_EncodeBlock((unsigned char *)base64, public, sizeof(public));
	body = json_pack("{s:s, s:s, s:s, s:{s:s, s:s}}", "token", token, "request", request,
	                 "sealing_key", base64, "capabilities", "model", "vTPS", "version", "9");
	assert_non_null(body);
	free(request);
	return body;
}

X509 *kit_certificate(const json_t *answer, const char *key)
{
	const char *pem = json_string_value(json_object_get(answer, key));
	BIO *bio;
	X509 *cert;

	assert_non_null(pem);
	bio = BIO_new_mem_buf(pem, -1);
	cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	assert_non_null(cert);
	return cert;
}

int kit_enrol(struct kit *kit, const char *token, EVP_PKEY *key, json_t **ret_answer)
{
	json_t *body = kit_enrolment(token, key);
	int rc = device_enrol(kit->store, kit->vault, "192.0.2.9", body, ret_answer, kit->problem);

	assert_int_equal(kit->problem->code, rc);
	problem_fini(kit->problem);
	json_decref(body);
	return rc;
}

X509 *kit_device(struct kit *kit, const char *name, EVP_PKEY *key)
{
	char token[REMOTE_TOKEN_MAX];
	json_t *answer;
	X509 *cert;

	assert_int_equal(device_create(kit->store, &place_actor, name, NULL, token, kit->problem),
	                 0);
	assert_int_equal(kit_enrol(kit, token, key, &answer), 0);
	cert = kit_certificate(answer, "certificate");
	json_decref(answer);
	return cert;
}

int kit_renew(struct kit *kit, const char *name, EVP_PKEY *key, X509 **ret_certificate)
{
	struct device device;
	char *request = kit_request(key);
	json_t *body = json_pack("{s:s}", "request", request), *answer;
	int rc;

	free(request);
	assert_int_equal(device_get(kit->store, name, &device, kit->problem), 0);
	rc = device_renew(kit->store, kit->vault, &device, "192.0.2.9", body, &answer,
	                  kit->problem);
	device_fini(&device);
	json_decref(body);
	assert_int_equal(kit->problem->code, rc);
	problem_fini(kit->problem);
	if (rc == 0) {
		*ret_certificate = kit_certificate(answer, "certificate");
		json_decref(answer);
	}
	return rc;
}

int kit_identify(struct kit *kit, X509 *certificate, char ret_name[DEVICE_NAME_MAX])
{
	struct device device;
	int rc = device_identify(kit->store, certificate, &device);

	if (rc != 0)
		return rc;
	if (ret_name)
		(void)snprintf(ret_name, DEVICE_NAME_MAX, "%s", device.name);
	device_fini(&device);
	return 0;
}
