/*
 * The ABI between Muster and a shim: the numbers, the two structures and the
 * table of functions that both sides agree on. It names no MPI type, so one Go
 * binary works with every MPI whose mpicc has compiled shim.c. Any change to
 * this file raises MUSTER_MPI_ABI.
 */
#ifndef MUSTER_MPI_H
#define MUSTER_MPI_H

#include <stdint.h>

#define MUSTER_MPI_ABI 1

/* Element types of a buffer. */
enum muster_kind {
    MUSTER_BOOL,
    MUSTER_INT8, MUSTER_INT16, MUSTER_INT32, MUSTER_INT64,
    MUSTER_UINT8, MUSTER_UINT16, MUSTER_UINT32, MUSTER_UINT64,
    MUSTER_FLOAT32, MUSTER_FLOAT64,
    MUSTER_COMPLEX64, MUSTER_COMPLEX128,
    MUSTER_KINDS
};

/* Operations of a reduction. */
enum muster_op {
    MUSTER_SUM, MUSTER_PROD, MUSTER_MIN, MUSTER_MAX,
    MUSTER_LAND, MUSTER_LOR, MUSTER_LXOR,
    MUSTER_BAND, MUSTER_BOR, MUSTER_BXOR,
    MUSTER_OPS
};

/* Levels of thread support (MPI 4.0, section 11.6). */
enum muster_level {
    MUSTER_SINGLE = 1, MUSTER_FUNNELED, MUSTER_SERIALIZED, MUSTER_MULTIPLE
};

/* Wildcards and special values of ranks, tags and colours. */
enum muster_special {
    MUSTER_ANY = -1,        /* MPI_ANY_SOURCE as a rank, MPI_ANY_TAG as a tag */
    MUSTER_PROC_NULL = -2,  /* MPI_PROC_NULL as a rank */
    MUSTER_UNDEFINED = -3   /* MPI_UNDEFINED as a colour */
};

/* Error classes (MPI 4.0, section 9.4). */
enum muster_class {
    MUSTER_ERR_OTHER,
    MUSTER_ERR_BUFFER, MUSTER_ERR_COUNT, MUSTER_ERR_TYPE, MUSTER_ERR_TAG,
    MUSTER_ERR_COMM, MUSTER_ERR_RANK, MUSTER_ERR_ROOT, MUSTER_ERR_OP,
    MUSTER_ERR_ARG, MUSTER_ERR_TRUNCATE, MUSTER_ERR_INTERN, MUSTER_ERR_NO_MEM
};

/* The arguments of a call; each function reads the fields its comment names.
   The memory behind the pointers is borrowed until the function returns. */
typedef struct {
    int64_t comm;          /* a handle from world or split */
    const void *send;
    void *recv;
    int64_t sendn, recvn;  /* in elements; per rank where MPI counts per rank */
    const int32_t *counts, *displs;
    int32_t kind;          /* of send and recv; of send alone in sendrecv */
    int32_t recvkind;
    int32_t op;
    int32_t in_place;      /* MPI_IN_PLACE stands for send (scatter: for recv) */
    int32_t root;          /* root or destination */
    int32_t source;
    int32_t tag, recvtag;
} muster_args;

/* What a call returns: code 0, or an MPI error code for the function error. */
typedef struct {
    int32_t code;
    int32_t flag;          /* init: level granted; iprobe: found; error: class */
    int64_t comm;          /* world, split: handle; 0 for none */
    int64_t source, tag;   /* recv, probe: whose; world, split: rank, size */
    int64_t bytes;         /* recv, probe: length; error, version: text length */
} muster_result;

typedef muster_result (*muster_function)(const muster_args *);

typedef struct {
    int32_t abi, size;         /* MUSTER_MPI_ABI, sizeof(muster_mpi) */
    const char *flavour;       /* "openmpi", "mpich" or "other" */
    muster_function init;      /* op: level; recvn: largest count for MPI; sendn: ranks on this node, if they may need to yield */
    muster_function world;     /* -> comm, source: rank, tag: size */
    muster_function finalize;
    muster_function abort;     /* comm, tag: exit code */
    muster_function version;   /* recv, recvn: room for the library's version */
    muster_function error;     /* tag: code; recv, recvn: room for its text */
    muster_function barrier;   /* comm */
    muster_function bcast;     /* comm, recv, recvn, kind, root */
    muster_function reduce;    /* comm, send, recv, recvn, kind, op, root, in_place */
    muster_function allreduce; /* comm, send, recv, recvn, kind, op, in_place */
    muster_function gather;    /* comm, send, sendn, recv, recvn, kind, root, in_place */
    muster_function gatherv;   /* comm, send, sendn, recv, counts, displs, kind, root, in_place */
    muster_function scatter;   /* comm, send, sendn, recv, recvn, kind, root, in_place */
    muster_function scatterv;  /* comm, send, counts, displs, recv, recvn, kind, root, in_place */
    muster_function allgather; /* comm, send, sendn, recv, recvn, kind, in_place */
    muster_function allgatherv;/* comm, send, sendn, recv, counts, displs, kind, in_place */
    muster_function send;      /* comm, send, sendn, kind, root, tag */
    muster_function recv;      /* comm, recv, recvn, kind, source, recvtag */
    muster_function sendrecv;  /* as send and recv together; recvkind */
    muster_function probe;     /* comm, source, recvtag */
    muster_function iprobe;    /* comm, source, recvtag -> flag */
    muster_function split;     /* comm, root: colour, tag: key -> as world */
    muster_function free;      /* comm */
} muster_mpi;

/* The one symbol of a shim. */
const muster_mpi *muster_mpi_table(void);

#endif
