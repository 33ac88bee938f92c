/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * handle.c - handles: numbers that name an object as long as it is open.
 *
 * A handle is generation (40 bits) | slot (20) | 0000. Slots are never freed, so a stale handle can always be
 * looked up, and its generation tells that it is stale.
 */
#include "api.h"

#include <stdatomic.h>

#define SLOT_BITS   20
#define CHUNK_SLOTS 1024u
#define CHUNKS      ((1u << SLOT_BITS) / CHUNK_SLOTS)

/* A slot's state: generation (40) | open (1) | uses (23). An open handle counts as one use. */
#define USES_MASK        UINT64_C (0x7FFFFF)
#define OPEN             UINT64_C (0x800000)
#define GENERATION_SHIFT 24

typedef struct slot {
    _Atomic uint64_t state;
    /* Written before the slot is opened, and not before its last use is over. */
    enum clfs_handle_kind kind;
    void *object;
    clfs_handle_destroy destroy;
} slot;

static _Atomic (slot *) chunks[CHUNKS];

/* Protects what follows. */
static GMutex lock;
static uint32_t slots_made;
/* Slots are used again in the order they came free, which keeps a number unused as long as can be. */
static GQueue free_slots = G_QUEUE_INIT;

static slot *
slot_at (uint32_t number)
{
    slot *chunk = atomic_load_explicit (&chunks[number / CHUNK_SLOTS], memory_order_acquire);

    return chunk != NULL ? &chunk[number % CHUNK_SLOTS] : NULL;
}

static uint32_t
handle_slot (PVOID handle)
{
    return ((uintptr_t) handle >> 4) & ((1u << SLOT_BITS) - 1);
}

PVOID
clfs_handle_new (enum clfs_handle_kind kind, void *object, clfs_handle_destroy destroy)
{
    uint32_t number;

    g_mutex_lock (&lock);
    if (!g_queue_is_empty (&free_slots)) {
        number = GPOINTER_TO_UINT (g_queue_pop_head (&free_slots));
    } else if (slots_made < (1u << SLOT_BITS)) {
        number = slots_made;
        if (number % CHUNK_SLOTS == 0) {
            slot *chunk = g_new0 (slot, CHUNK_SLOTS);
            for (uint32_t i = 0; i < CHUNK_SLOTS; i++)
                atomic_init (&chunk[i].state, UINT64_C (1) << GENERATION_SHIFT);
            atomic_store_explicit (&chunks[number / CHUNK_SLOTS], chunk, memory_order_release);
        }
        slots_made++;
    } else {
        g_mutex_unlock (&lock);
        return NULL;
    }
    g_mutex_unlock (&lock);

    slot *s = slot_at (number);
    uint64_t generation = atomic_load_explicit (&s->state, memory_order_acquire) >> GENERATION_SHIFT;
    s->kind = kind;
    s->object = object;
    s->destroy = destroy;
    /* From here on acquires succeed, so this comes last. */
    atomic_store_explicit (&s->state, generation << GENERATION_SHIFT | OPEN | 1, memory_order_release);
    return (PVOID) (uintptr_t) (generation << GENERATION_SHIFT | (uint64_t) number << 4);
}

static void *
acquire (PVOID handle, enum clfs_handle_kind kind)
{
    uint64_t generation = (uintptr_t) handle >> GENERATION_SHIFT;
    slot *s = slot_at (handle_slot (handle));

    if (s == NULL || generation == 0 || ((uintptr_t) handle & 0xF) != 0)
        return NULL;
    uint64_t state = atomic_load_explicit (&s->state, memory_order_relaxed);
    do {
        if (state >> GENERATION_SHIFT != generation || (state & OPEN) == 0 || (state & USES_MASK) == USES_MASK)
            return NULL;
    } while (!atomic_compare_exchange_weak_explicit (&s->state, &state, state + 1, memory_order_acquire,
                                                     memory_order_relaxed));
    if (s->kind == kind)
        return s->object;
    /* The handle's own use may be gone by now, so this could be the last one. */
    (void) clfs_handle_release (handle);
    return NULL;
}

void *
clfs_handle_acquire (PVOID handle, enum clfs_handle_kind kind)
{
    static const char *const names[] = {
        [CLFS_HANDLE_FILE] = "log file object",
        [CLFS_HANDLE_AREA] = "marshalling area",
        [CLFS_HANDLE_READER] = "read context",
    };
    void *object = acquire (handle, kind);

    if (object == NULL)
        (void) clfs_message_fail (STATUS_INVALID_HANDLE, "%p is no %s, or one that was closed", handle, names[kind]);
    return object;
}

bool
clfs_handle_close (PVOID handle)
{
    slot *s = slot_at (handle_slot (handle));
    uint64_t state = atomic_load_explicit (&s->state, memory_order_relaxed);

    do {
        if ((state & OPEN) == 0)
            return false;
        /* The caller's own use keeps it above zero. */
        g_assert ((state & USES_MASK) >= 2);
    } while (!atomic_compare_exchange_weak_explicit (&s->state, &state, (state & ~OPEN) - 1, memory_order_acq_rel,
                                                     memory_order_relaxed));
    return true;
}

NTSTATUS
clfs_handle_release (PVOID handle)
{
    uint32_t number = handle_slot (handle);
    slot *s = slot_at (number);
    uint64_t before = atomic_fetch_sub_explicit (&s->state, 1, memory_order_acq_rel);

    g_assert ((before & USES_MASK) >= 1);
    if ((before & USES_MASK) > 1)
        return STATUS_SUCCESS;
    NTSTATUS status = s->destroy (s->object);
    uint64_t generation = (before >> GENERATION_SHIFT) + 1;
    if (generation >> (64 - GENERATION_SHIFT) != 0) /* 2^40 uses of one slot */
        generation = 1;
    atomic_store_explicit (&s->state, generation << GENERATION_SHIFT, memory_order_release);
    g_mutex_lock (&lock);
    g_queue_push_tail (&free_slots, GUINT_TO_POINTER (number));
    g_mutex_unlock (&lock);
    return status;
}
