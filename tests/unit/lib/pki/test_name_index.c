/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/pki/name_index.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "tests/unit/lib/pki/make.h"
#include "tests/unit/unit.h"

static struct pki_name_match find(const struct pki_name_index *index, const char *name)
{
	return pki_name_index_find(index, name, strlen(name));
}

static void a_name_finds_all_its_certificates_in_order_and_each_once(void **state)
{
	struct pki_name_index *index = pki_name_index_create();
	struct pki_name_match m;

	assert_int_equal(pki_name_index_add(index, "Shop.example", 7), 0);
	assert_int_equal(pki_name_index_add(index, "shop.example.", 3), 0);
	assert_int_equal(pki_name_index_add(index, "shop.example", 7), 0);
	m = find(index, "SHOP.EXAMPLE.");
	assert_int_equal(m.exact.count, 2);
	assert_int_equal(m.exact.items[0], 7);
	assert_int_equal(m.exact.items[1], 3);
	assert_int_equal(m.wildcard.count, 0);
	pki_name_index_destroy(index);
}

static void a_wildcard_covers_one_label_and_not_the_apex(void **state)
{
	struct pki_name_index *index = pki_name_index_create();

	assert_int_equal(pki_name_index_add(index, "*.example.com", 1), 0);
	assert_int_equal(find(index, "www.example.com").wildcard.count, 1);
	assert_int_equal(find(index, "a.b.example.com").wildcard.count, 0);
	assert_int_equal(find(index, "example.com").wildcard.count, 0);
	assert_int_equal(find(index, "*.example.com").exact.count, 0);
	assert_int_equal(pki_name_index_add(index, "w*.example.com", 1), SL_EMALFORMED);
	pki_name_index_destroy(index);
}

static void what_a_client_may_send_finds_nothing_and_harms_nothing(void **state)
{
	struct pki_name_index *index = pki_name_index_create();
	char raw[512];

	assert_int_equal(pki_name_index_add(index, "*.a", 1), 0);
	memset(raw, 'x', sizeof(raw));
	for (size_t len = 0; len <= sizeof(raw); len++)
		assert_int_equal(pki_name_index_find(index, raw, len).exact.count, 0);
	memset(raw, '.', sizeof(raw));
	assert_int_equal(pki_name_index_find(index, raw, sizeof(raw)).wildcard.count, 0);
	assert_int_equal(pki_name_index_find(index, ".a", 2).wildcard.count, 0);
	assert_int_equal(pki_name_index_find(index, "b\0.a", 4).wildcard.count, 0);
	assert_int_equal(pki_name_index_find(index, "\xff.a", 3).wildcard.count, 0);
	pki_name_index_destroy(index);
}

static void a_thousand_certificates_are_all_found(void **state)
{
	struct pki_name_index *index = pki_name_index_create();
	char name[64];

	for (uint32_t i = 0; i < 1000; i++) {
		(void)snprintf(name, sizeof(name), "site%u.example", i);
		assert_int_equal(pki_name_index_add(index, name, i), 0);
		(void)snprintf(name, sizeof(name), "*.site%u.example", i);
		assert_int_equal(pki_name_index_add(index, name, i), 0);
	}
	assert_int_equal(pki_name_index_count(index), 2000);
	for (uint32_t i = 0; i < 1000; i++) {
		struct pki_name_match m;

		(void)snprintf(name, sizeof(name), "site%u.example", i);
		m = find(index, name);
		assert_int_equal(m.exact.count, 1);
		assert_int_equal(m.exact.items[0], i);
		(void)snprintf(name, sizeof(name), "www.site%u.example", i);
		m = find(index, name);
		assert_int_equal(m.wildcard.count, 1);
		assert_int_equal(m.wildcard.items[0], i);
	}
	pki_name_index_destroy(index);
}

static void a_certificate_is_found_by_each_of_its_names(void **state)
{
	EVP_PKEY *key = make_ec("P-256");
	X509 *cert = make_cert(key, "x", "one.example,*.two.example", NULL, NULL, 0, 1);
	struct pki_name_index *index = pki_name_index_create();

	assert_int_equal(pki_name_index_add_cert(index, cert, 5), 0);
	assert_int_equal(find(index, "one.example").exact.items[0], 5);
	assert_int_equal(find(index, "a.two.example").wildcard.items[0], 5);
	assert_int_equal(find(index, "x").exact.count, 0);
	pki_name_index_destroy(index);
	X509_free(cert);
	EVP_PKEY_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_name_finds_all_its_certificates_in_order_and_each_once),
	        cmocka_unit_test(a_wildcard_covers_one_label_and_not_the_apex),
	        cmocka_unit_test(what_a_client_may_send_finds_nothing_and_harms_nothing),
	        cmocka_unit_test(a_thousand_certificates_are_all_found),
	        cmocka_unit_test(a_certificate_is_found_by_each_of_its_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
