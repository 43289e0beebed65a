/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content decoders. Data path; memory from the engine's pool where the library lets us say so.
 */
#include "tse/proto/decode.h"

#include <string.h>

#include <brotli/decode.h>
#include <zlib.h>

/* for a context with our own memory */
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

#include "lib/base/err.h"

enum {
	ZSTD_WINDOW_LOG_MAX = 23,
	/* Bytes of a pool in use beyond which decoders get no more: what an engine's bodies may
	 * take together is bounded, and other uses still find memory. */
	POOL_FOR_DECODERS = 192 * 1024 * 1024,
};

struct body_decoder {
	uint8_t kind;
	bool started, ended;
	uint8_t peeked; /* deflate: the first byte, kept until the second tells the format */
	z_stream z;
	BrotliDecoderState *brotli;
	ZSTD_DCtx *zstd;
};

static void *bounded_alloc(void *opaque, size_t size)
{
	struct pool *pool = opaque;

	return pool->in_use + size > POOL_FOR_DECODERS ? NULL : pool_get(pool, size);
}

static void bounded_free(void *opaque, void *address)
{
	pool_put(opaque, address);
}

static voidpf zlib_alloc(voidpf opaque, uInt items, uInt size)
{
	return bounded_alloc(opaque, (size_t)items * size);
}

static bool start_zlib(struct body_decoder *d, struct pool *pool, int window_bits)
{
	d->z.zalloc = zlib_alloc;
	d->z.zfree = bounded_free;
	d->z.opaque = pool;
	return inflateInit2(&d->z, window_bits) == Z_OK;
}

static bool start(struct body_decoder *d, struct pool *pool)
{
	switch ((enum decode_kind)d->kind) {
	case DECODE_GZIP:
		return start_zlib(d, pool, 15 + 16);
	case DECODE_DEFLATE:
		return start_zlib(d, pool, 15);
	case DECODE_BROTLI:
		d->brotli = BrotliDecoderCreateInstance(bounded_alloc, bounded_free, pool);
		return d->brotli != NULL;
	case DECODE_ZSTD:
		d->zstd = ZSTD_createDCtx_advanced(
		        (ZSTD_customMem){bounded_alloc, bounded_free, pool});
		return d->zstd && !ZSTD_isError(ZSTD_DCtx_setParameter(d->zstd, ZSTD_d_windowLogMax,
		                                                       ZSTD_WINDOW_LOG_MAX));
	default:
		return false;
	}
}

struct body_decoder *decode_create(struct pool *pool, enum decode_kind kind)
{
	struct body_decoder *d = pool_get(pool, sizeof(*d));

	if (!d)
		return NULL;
	memset(d, 0, sizeof(*d));
	d->kind = (uint8_t)kind;
	if (!start(d, pool)) {
		decode_destroy(pool, d);
		return NULL;
	}
	return d;
}

void decode_destroy(struct pool *pool, struct body_decoder *d)
{
	if (!d)
		return;
	if (d->kind == DECODE_GZIP || d->kind == DECODE_DEFLATE)
		(void)inflateEnd(&d->z);
	BrotliDecoderDestroyInstance(d->brotli);
	(void)ZSTD_freeDCtx(d->zstd);
	pool_put(pool, d);
}

/* "deflate" is zlib's format by the standard and raw deflate from some servers: the first two
 * bytes tell (RFC 1950 section 2.2). */
static bool is_zlib_header(uint8_t first, uint8_t second)
{
	return (first & 0x0f) == 8 && (first >> 4) <= 7 && (first * 256 + second) % 31 == 0;
}

static int inflate_run(struct body_decoder *d, const uint8_t **data, size_t *len, uint8_t *out,
                       size_t size, size_t *ret_out)
{
	int rc;

	d->z.next_in = (Bytef *)(uintptr_t)*data;
	d->z.avail_in = (uInt)*len;
	d->z.next_out = out;
	d->z.avail_out = (uInt)size;
	rc = inflate(&d->z, Z_NO_FLUSH);
	*ret_out = size - d->z.avail_out;
	*data = d->z.next_in;
	*len = d->z.avail_in;
	if (rc == Z_STREAM_END) {
		d->ended = true;
		return 0;
	}
	return rc == Z_OK || rc == Z_BUF_ERROR ? 0 : SL_EMALFORMED;
}

static int deflate_step(struct body_decoder *d, const uint8_t **data, size_t *len, uint8_t *out,
                        size_t size, size_t *ret_out)
{
	const uint8_t *first = &d->peeked;
	size_t one = 1;

	if (!d->started && *len == 1) {
		d->peeked = **data;
		d->started = true;
		(*data)++;
		(*len)--;
		return 0;
	}
	if (d->z.total_in == 0 && *len > 0) {
		uint8_t a = d->started ? d->peeked : (*data)[0];
		uint8_t b = d->started ? (*data)[0] : (*data)[1];

		if (!is_zlib_header(a, b) && inflateReset2(&d->z, -15) != Z_OK)
			return SL_EMALFORMED;
		if (d->started) { /* the byte kept back goes first; it makes no output alone */
			int rc = inflate_run(d, &first, &one, out, size, ret_out);

			if (rc != 0 || *ret_out > 0)
				return rc;
		}
		d->started = true;
	}
	return inflate_run(d, data, len, out, size, ret_out);
}

static int brotli_step(struct body_decoder *d, const uint8_t **data, size_t *len, uint8_t *out,
                       size_t size, size_t *ret_out)
{
	size_t room = size;
	uint8_t *to = out;
	BrotliDecoderResult rc =
	        BrotliDecoderDecompressStream(d->brotli, len, data, &room, &to, NULL);

	*ret_out = size - room;
	d->ended = rc == BROTLI_DECODER_RESULT_SUCCESS;
	return rc == BROTLI_DECODER_RESULT_ERROR ? SL_EMALFORMED : 0;
}

static int zstd_step(struct body_decoder *d, const uint8_t **data, size_t *len, uint8_t *out,
                     size_t size, size_t *ret_out)
{
	ZSTD_inBuffer in = {.src = *data, .size = *len};
	ZSTD_outBuffer to = {.dst = out, .size = size};
	size_t rc = ZSTD_decompressStream(d->zstd, &to, &in);

	*ret_out = to.pos;
	*data += in.pos;
	*len -= in.pos;
	return ZSTD_isError(rc) ? SL_EMALFORMED : 0;
}

int decode_step(struct body_decoder *d, const uint8_t **data, size_t *len, uint8_t *out,
                size_t size, size_t *ret_out)
{
	*ret_out = 0;
	/* a gzip stream may have several members; what else stands behind it is skipped */
	if (d->ended && d->kind == DECODE_GZIP && *len > 0 && **data == 0x1f) {
		d->ended = false;
		if (inflateReset(&d->z) != Z_OK)
			return SL_EMALFORMED;
	}
	if (d->ended) {
		*data += *len;
		*len = 0;
		return 0;
	}
	switch ((enum decode_kind)d->kind) {
	case DECODE_GZIP:
		return inflate_run(d, data, len, out, size, ret_out);
	case DECODE_DEFLATE:
		return deflate_step(d, data, len, out, size, ret_out);
	case DECODE_BROTLI:
		return brotli_step(d, data, len, out, size, ret_out);
	default:
		return zstd_step(d, data, len, out, size, ret_out);
	}
}
