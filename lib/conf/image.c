/* SPDX-License-Identifier: Apache-2.0 */
/* Writing and reading the layout of an image; what goes in is image_make.c's. */
#include "lib/conf/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/bytes.h"
#include "lib/base/err.h"
#include "lib/base/magic.h"
#include "lib/conf/config.h"
#include "lib/conf/digest.h"
#include "lib/conf/error.h"
#include "lib/conf/image_priv.h"
#include "lib/conf/node.h"

static const char image_magic[8] = {'S', 'L', 'U', 'I', 'C', 'E', 'I', 'M'};

enum {
	IMAGE_MAGIC = 0x494d4731,
	LAYOUT_VERSION = 1,
	/* magic, version, sections, revision, sha256, total length */
	HEADER_LEN = 8 + 4 + 4 + 8 + 32 + 8,
	/* name offset, name length with NUL, content offset, content length */
	ENTRY_LEN = 4 * 8,
};

struct conf_image {
	uint32_t magic;
	unsigned refs;
	const uint8_t *data; /* the caller's bytes, or `mapping` */
	size_t len;
	uint64_t revision;
	uint8_t sha256[32];
	uint32_t sections;
	size_t table;  /* offset of the table */
	void *mapping; /* of conf_image_open_fd; else NULL */
};

struct entry {
	uint64_t name, name_len, at, len;
};

/* ---- writing ----------------------------------------------------------------------------- */

static int add_uint(struct buf *out, uint64_t value, size_t bytes)
{
	uint8_t raw[8];

	for (size_t i = 0; i < bytes; i++)
		raw[i] = (uint8_t)(value >> (8 * i));
	return buf_add(out, raw, bytes);
}

static int add_header(struct buf *out, const struct image_sections *s, uint64_t revision,
                      const uint8_t sha256[32], uint64_t total)
{
	int rc = buf_add(out, image_magic, sizeof(image_magic));

	if (rc == 0)
		rc = add_uint(out, LAYOUT_VERSION, 4);
	if (rc == 0)
		rc = add_uint(out, s->count, 4);
	if (rc == 0)
		rc = add_uint(out, revision, 8);
	if (rc == 0)
		rc = buf_add(out, sha256, 32);
	return rc ? rc : add_uint(out, total, 8);
}

static int add_entry(struct buf *out, const struct entry *e)
{
	int rc = add_uint(out, e->name, 8);

	if (rc == 0)
		rc = add_uint(out, e->name_len, 8);
	if (rc == 0)
		rc = add_uint(out, e->at, 8);
	return rc ? rc : add_uint(out, e->len, 8);
}

static int add_table(struct buf *out, const struct image_sections *s, uint64_t *ret_end)
{
	uint64_t name = HEADER_LEN + (uint64_t)s->count * ENTRY_LEN;
	uint64_t at = name;
	int rc = 0;

	for (size_t i = 0; i < s->count; i++)
		at += strlen(s->items[i].name) + 1;
	for (size_t i = 0; rc == 0 && i < s->count; i++) {
		struct entry e = {name, strlen(s->items[i].name) + 1, at, s->items[i].len};

		rc = add_entry(out, &e);
		name += e.name_len;
		at += e.len;
	}
	*ret_end = at;
	return rc;
}

/* Bytes of everything but the digest. */
static uint64_t total_of(const struct image_sections *s)
{
	uint64_t total = HEADER_LEN + (uint64_t)s->count * ENTRY_LEN;

	for (size_t i = 0; i < s->count; i++)
		total += strlen(s->items[i].name) + 1 + s->items[i].len;
	return total;
}

int image_write(const struct image_sections *s, uint64_t revision, const uint8_t sha256[32],
                struct buf *out)
{
	uint8_t digest[CONF_DIGEST_LEN];
	size_t start = out->len;
	uint64_t end = 0;
	int rc = add_header(out, s, revision, sha256, total_of(s) + CONF_DIGEST_LEN);

	if (rc == 0)
		rc = add_table(out, s, &end);
	for (size_t i = 0; rc == 0 && i < s->count; i++)
		rc = buf_add(out, s->items[i].name, strlen(s->items[i].name) + 1);
	for (size_t i = 0; rc == 0 && i < s->count; i++)
		rc = buf_add(out, s->items[i].data, s->items[i].len);
	if (rc == 0)
		rc = conf_digest(out->data + start, out->len - start, digest);
	return rc ? rc : buf_add(out, digest, sizeof(digest));
}

/* ---- reading ----------------------------------------------------------------------------- */

static struct entry entry_at(const struct conf_image *image, size_t index)
{
	struct reader r = reader_of(image->data + image->table + index * ENTRY_LEN, ENTRY_LEN);
	struct entry e;

	e.name = reader_uint_le(&r, 8);
	e.name_len = reader_uint_le(&r, 8);
	e.at = reader_uint_le(&r, 8);
	e.len = reader_uint_le(&r, 8);
	return e;
}

static bool lies_within(uint64_t at, uint64_t len, uint64_t end)
{
	return at >= HEADER_LEN && at <= end && len <= end - at;
}

static bool entry_is_sound(const struct conf_image *image, const struct entry *e)
{
	uint64_t end = image->len - CONF_DIGEST_LEN;

	return lies_within(e->name, e->name_len, end) && lies_within(e->at, e->len, end) &&
	       e->name_len > 1 && e->name_len <= CONF_IMAGE_NAME_MAX &&
	       memchr(image->data + e->name, '\0', e->name_len) ==
	               image->data + e->name + e->name_len - 1;
}

static bool digest_is_right(const struct conf_image *image)
{
	size_t len = image->len - CONF_DIGEST_LEN;
	uint8_t digest[CONF_DIGEST_LEN];

	return conf_digest(image->data, len, digest) == 0 &&
	       memcmp(digest, image->data + len, CONF_DIGEST_LEN) == 0;
}

static int read_header(struct conf_image *image)
{
	struct reader r = reader_of(image->data, image->len);
	const uint8_t *magic = reader_take(&r, sizeof(image_magic));
	uint32_t version = (uint32_t)reader_uint_le(&r, 4);
	const uint8_t *sha256;
	uint64_t total;

	image->sections = (uint32_t)reader_uint_le(&r, 4);
	image->revision = reader_uint_le(&r, 8);
	sha256 = reader_take(&r, sizeof(image->sha256));
	total = reader_uint_le(&r, 8);
	if (r.failed || memcmp(magic, image_magic, sizeof(image_magic)) != 0)
		return SL_EMALFORMED;
	if (version != LAYOUT_VERSION)
		return SL_EMISMATCH;
	memcpy(image->sha256, sha256, sizeof(image->sha256));
	image->table = HEADER_LEN;
	if (total != image->len || image->sections > CONF_IMAGE_SECTIONS_MAX ||
	    image->len < HEADER_LEN + (size_t)image->sections * ENTRY_LEN + CONF_DIGEST_LEN)
		return SL_EMALFORMED;
	return 0;
}

static int check_image(struct conf_image *image)
{
	int rc = read_header(image);

	if (rc != 0)
		return rc;
	for (size_t i = 0; i < image->sections; i++) {
		struct entry e = entry_at(image, i);

		if (!entry_is_sound(image, &e))
			return SL_EMALFORMED;
	}
	return digest_is_right(image) ? 0 : SL_EMALFORMED;
}

int conf_image_open(const void *data, size_t len, struct conf_image **ret_image)
{
	struct conf_image *image = calloc(1, sizeof(*image));
	int rc;

	if (!image)
		return SL_ENOMEM;
	image->data = data;
	image->len = len;
	rc = check_image(image);
	if (rc != 0) {
		free(image);
		return rc;
	}
	MAGIC_SET(image, IMAGE_MAGIC);
	image->refs = 1;
	*ret_image = image;
	return 0;
}

int conf_image_open_fd(int fd, struct conf_image **ret_image)
{
	const int wanted = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;
	void *mapping;
	int rc;

	if (seals < 0 || fstat(fd, &st) != 0)
		return SL_ESYS;
	if ((seals & wanted) != wanted)
		return SL_EPERM;
	if (st.st_size <= 0 || st.st_size > CONF_IMAGE_MAX)
		return SL_EMALFORMED;
	mapping = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (mapping == MAP_FAILED)
		return SL_ESYS;
	rc = conf_image_open(mapping, (size_t)st.st_size, ret_image);
	if (rc == 0)
		(*ret_image)->mapping = mapping;
	else
		(void)munmap(mapping, (size_t)st.st_size);
	return rc;
}

/* The count is not what others may not change. */
const struct conf_image *conf_image_get(const struct conf_image *image)
{
	MAGIC_CHECK(image, IMAGE_MAGIC);
	((struct conf_image *)image)->refs++;
	return image;
}

void conf_image_close(const struct conf_image *in)
{
	struct conf_image *image = (struct conf_image *)in;

	if (!image)
		return;
	MAGIC_CHECK(image, IMAGE_MAGIC);
	if (--image->refs > 0)
		return;
	if (image->mapping)
		(void)munmap(image->mapping, image->len);
	MAGIC_CLEAR(image);
	free(image);
}

uint64_t conf_image_revision(const struct conf_image *image)
{
	MAGIC_CHECK(image, IMAGE_MAGIC);
	return image->revision;
}

const uint8_t *conf_image_sha256(const struct conf_image *image)
{
	MAGIC_CHECK(image, IMAGE_MAGIC);
	return image->sha256;
}

int conf_image_section(const struct conf_image *image, const char *name, const void **ret_data,
                       size_t *ret_len)
{
	size_t name_len = strlen(name) + 1;

	for (size_t i = 0; i < image->sections; i++) {
		struct entry e = entry_at(image, i);

		if (e.name_len == name_len && memcmp(image->data + e.name, name, name_len) == 0) {
			*ret_data = image->data + e.at;
			*ret_len = e.len;
			return 0;
		}
	}
	return SL_ENOENT;
}

char *image_section_name(char name[CONF_IMAGE_NAME_MAX], const char *pattern, const char *what)
{
	const char *at = strstr(pattern, "%s");
	int head = at ? (int)(at - pattern) : (int)strlen(pattern);

	(void)snprintf(name, CONF_IMAGE_NAME_MAX, "%.*s%s", head, pattern, at ? what : "");
	return name;
}

int conf_image_section_of(const struct conf_image *image, const char *pattern, const char *what,
                          const void **ret_data, size_t *ret_len)
{
	char name[CONF_IMAGE_NAME_MAX];

	return conf_image_section(image, image_section_name(name, pattern, what), ret_data,
	                          ret_len);
}

int conf_image_section_at(const struct conf_image *image, size_t index, const char **ret_name,
                          size_t *ret_len)
{
	struct entry e;

	if (index >= image->sections)
		return SL_ENOENT;
	e = entry_at(image, index);
	*ret_name = (const char *)image->data + e.name;
	*ret_len = e.len;
	return 0;
}

int conf_image_config(const struct conf_image *image, struct conf_errors *errs,
                      struct config **ret_config)
{
	struct conf_document *doc = NULL;
	struct config *c = NULL;
	const void *text;
	size_t len;
	int rc = conf_image_section(image, CONF_SECTION_DOCUMENT, &text, &len);

	if (rc != 0)
		return conf_errors_add(errs, NULL, rc, "", "the image holds no document");
	rc = conf_load_json("image", text, len, errs, &doc);
	if (rc == 0)
		rc = config_build(conf_document_root(doc), errs, &c);
	conf_document_destroy(doc);
	if (rc != 0)
		return rc;
	c->revision = image->revision;
	*ret_config = c;
	return 0;
}
