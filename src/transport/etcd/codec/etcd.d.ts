// Made by scripts/codegen.mjs from proto/etcd.proto; do not edit.
import * as $protobuf from "protobufjs";

/** Represents a ResponseHeader. */
export class ResponseHeader {

    /**
     * Constructs a new ResponseHeader.
     * @param [properties] Properties to set
     */
    constructor(properties?: ResponseHeader.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** ResponseHeader clusterId. */
    clusterId: Int64;

    /** ResponseHeader memberId. */
    memberId: Int64;

    /** ResponseHeader revision. */
    revision: Int64;

    /** ResponseHeader raftTerm. */
    raftTerm: Int64;

    /**
     * Encodes the specified ResponseHeader message. Does not implicitly {@link ResponseHeader.verify|verify} messages.
     * @param message ResponseHeader message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: ResponseHeader.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a ResponseHeader message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {ResponseHeader & ResponseHeader.$Shape} ResponseHeader
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): ResponseHeader & ResponseHeader.$Shape;
}

export namespace ResponseHeader {

    /** Properties of a ResponseHeader. */
    interface $Properties {

        /** ResponseHeader clusterId */
        clusterId?: (Int64|null);

        /** ResponseHeader memberId */
        memberId?: (Int64|null);

        /** ResponseHeader revision */
        revision?: (Int64|null);

        /** ResponseHeader raftTerm */
        raftTerm?: (Int64|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a ResponseHeader. */
    type $Shape = ResponseHeader.$Properties;
}

/** Represents a KeyValue. */
export class KeyValue {

    /**
     * Constructs a new KeyValue.
     * @param [properties] Properties to set
     */
    constructor(properties?: KeyValue.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** KeyValue key. */
    key: Uint8Array;

    /** KeyValue createRevision. */
    createRevision: Int64;

    /** KeyValue modRevision. */
    modRevision: Int64;

    /** KeyValue version. */
    version: Int64;

    /** KeyValue value. */
    value: Uint8Array;

    /** KeyValue lease. */
    lease: Int64;

    /**
     * Encodes the specified KeyValue message. Does not implicitly {@link KeyValue.verify|verify} messages.
     * @param message KeyValue message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: KeyValue.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a KeyValue message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {KeyValue & KeyValue.$Shape} KeyValue
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): KeyValue & KeyValue.$Shape;
}

export namespace KeyValue {

    /** Properties of a KeyValue. */
    interface $Properties {

        /** KeyValue key */
        key?: (Uint8Array|null);

        /** KeyValue createRevision */
        createRevision?: (Int64|null);

        /** KeyValue modRevision */
        modRevision?: (Int64|null);

        /** KeyValue version */
        version?: (Int64|null);

        /** KeyValue value */
        value?: (Uint8Array|null);

        /** KeyValue lease */
        lease?: (Int64|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a KeyValue. */
    type $Shape = KeyValue.$Properties;
}

/** Represents an Event. */
export class Event {

    /**
     * Constructs a new Event.
     * @param [properties] Properties to set
     */
    constructor(properties?: Event.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** Event type. */
    type: Event.EventType;

    /** Event kv. */
    kv?: (KeyValue.$Properties|null);

    /** Event prevKv. */
    prevKv?: (KeyValue.$Properties|null);

    /**
     * Encodes the specified Event message. Does not implicitly {@link Event.verify|verify} messages.
     * @param message Event message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: Event.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes an Event message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {Event & Event.$Shape} Event
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): Event & Event.$Shape;
}

export namespace Event {

    /** Properties of an Event. */
    interface $Properties {

        /** Event type */
        type?: (Event.EventType|null);

        /** Event kv */
        kv?: (KeyValue.$Properties|null);

        /** Event prevKv */
        prevKv?: (KeyValue.$Properties|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of an Event. */
    type $Shape = Event.$Properties;

    /** EventType enum. */
    enum EventType {

        /** PUT value */
        PUT = 0,

        /** DELETE value */
        DELETE = 1
    }
}

/** Represents a RangeRequest. */
export class RangeRequest {

    /**
     * Constructs a new RangeRequest.
     * @param [properties] Properties to set
     */
    constructor(properties?: RangeRequest.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** RangeRequest key. */
    key: Uint8Array;

    /** RangeRequest rangeEnd. */
    rangeEnd: Uint8Array;

    /** RangeRequest limit. */
    limit: Int64;

    /** RangeRequest revision. */
    revision: Int64;

    /** RangeRequest sortOrder. */
    sortOrder: RangeRequest.SortOrder;

    /** RangeRequest sortTarget. */
    sortTarget: RangeRequest.SortTarget;

    /** RangeRequest serializable. */
    serializable: boolean;

    /** RangeRequest keysOnly. */
    keysOnly: boolean;

    /** RangeRequest countOnly. */
    countOnly: boolean;

    /** RangeRequest minModRevision. */
    minModRevision: Int64;

    /** RangeRequest maxModRevision. */
    maxModRevision: Int64;

    /** RangeRequest minCreateRevision. */
    minCreateRevision: Int64;

    /** RangeRequest maxCreateRevision. */
    maxCreateRevision: Int64;

    /**
     * Encodes the specified RangeRequest message. Does not implicitly {@link RangeRequest.verify|verify} messages.
     * @param message RangeRequest message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: RangeRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a RangeRequest message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {RangeRequest & RangeRequest.$Shape} RangeRequest
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): RangeRequest & RangeRequest.$Shape;
}

export namespace RangeRequest {

    /** Properties of a RangeRequest. */
    interface $Properties {

        /** RangeRequest key */
        key?: (Uint8Array|null);

        /** RangeRequest rangeEnd */
        rangeEnd?: (Uint8Array|null);

        /** RangeRequest limit */
        limit?: (Int64|null);

        /** RangeRequest revision */
        revision?: (Int64|null);

        /** RangeRequest sortOrder */
        sortOrder?: (RangeRequest.SortOrder|null);

        /** RangeRequest sortTarget */
        sortTarget?: (RangeRequest.SortTarget|null);

        /** RangeRequest serializable */
        serializable?: (boolean|null);

        /** RangeRequest keysOnly */
        keysOnly?: (boolean|null);

        /** RangeRequest countOnly */
        countOnly?: (boolean|null);

        /** RangeRequest minModRevision */
        minModRevision?: (Int64|null);

        /** RangeRequest maxModRevision */
        maxModRevision?: (Int64|null);

        /** RangeRequest minCreateRevision */
        minCreateRevision?: (Int64|null);

        /** RangeRequest maxCreateRevision */
        maxCreateRevision?: (Int64|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a RangeRequest. */
    type $Shape = RangeRequest.$Properties;

    /** SortOrder enum. */
    enum SortOrder {

        /** NONE value */
        NONE = 0,

        /** ASCEND value */
        ASCEND = 1,

        /** DESCEND value */
        DESCEND = 2
    }

    /** SortTarget enum. */
    enum SortTarget {

        /** KEY value */
        KEY = 0,

        /** VERSION value */
        VERSION = 1,

        /** CREATE value */
        CREATE = 2,

        /** MOD value */
        MOD = 3,

        /** VALUE value */
        VALUE = 4
    }
}

/** Represents a RangeResponse. */
export class RangeResponse {

    /**
     * Constructs a new RangeResponse.
     * @param [properties] Properties to set
     */
    constructor(properties?: RangeResponse.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** RangeResponse header. */
    header?: (ResponseHeader.$Properties|null);

    /** RangeResponse kvs. */
    kvs: KeyValue.$Properties[];

    /** RangeResponse more. */
    more: boolean;

    /** RangeResponse count. */
    count: Int64;

    /**
     * Encodes the specified RangeResponse message. Does not implicitly {@link RangeResponse.verify|verify} messages.
     * @param message RangeResponse message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: RangeResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a RangeResponse message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {RangeResponse & RangeResponse.$Shape} RangeResponse
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): RangeResponse & RangeResponse.$Shape;
}

export namespace RangeResponse {

    /** Properties of a RangeResponse. */
    interface $Properties {

        /** RangeResponse header */
        header?: (ResponseHeader.$Properties|null);

        /** RangeResponse kvs */
        kvs?: (KeyValue.$Properties[]|null);

        /** RangeResponse more */
        more?: (boolean|null);

        /** RangeResponse count */
        count?: (Int64|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a RangeResponse. */
    type $Shape = RangeResponse.$Properties;
}

/** Represents a PutRequest. */
export class PutRequest {

    /**
     * Constructs a new PutRequest.
     * @param [properties] Properties to set
     */
    constructor(properties?: PutRequest.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** PutRequest key. */
    key: Uint8Array;

    /** PutRequest value. */
    value: Uint8Array;

    /** PutRequest lease. */
    lease: Int64;

    /** PutRequest prevKv. */
    prevKv: boolean;

    /** PutRequest ignoreValue. */
    ignoreValue: boolean;

    /** PutRequest ignoreLease. */
    ignoreLease: boolean;

    /**
     * Encodes the specified PutRequest message. Does not implicitly {@link PutRequest.verify|verify} messages.
     * @param message PutRequest message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: PutRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a PutRequest message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {PutRequest & PutRequest.$Shape} PutRequest
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): PutRequest & PutRequest.$Shape;
}

export namespace PutRequest {

    /** Properties of a PutRequest. */
    interface $Properties {

        /** PutRequest key */
        key?: (Uint8Array|null);

        /** PutRequest value */
        value?: (Uint8Array|null);

        /** PutRequest lease */
        lease?: (Int64|null);

        /** PutRequest prevKv */
        prevKv?: (boolean|null);

        /** PutRequest ignoreValue */
        ignoreValue?: (boolean|null);

        /** PutRequest ignoreLease */
        ignoreLease?: (boolean|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a PutRequest. */
    type $Shape = PutRequest.$Properties;
}

/** Represents a PutResponse. */
export class PutResponse {

    /**
     * Constructs a new PutResponse.
     * @param [properties] Properties to set
     */
    constructor(properties?: PutResponse.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** PutResponse header. */
    header?: (ResponseHeader.$Properties|null);

    /** PutResponse prevKv. */
    prevKv?: (KeyValue.$Properties|null);

    /**
     * Encodes the specified PutResponse message. Does not implicitly {@link PutResponse.verify|verify} messages.
     * @param message PutResponse message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: PutResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a PutResponse message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {PutResponse & PutResponse.$Shape} PutResponse
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): PutResponse & PutResponse.$Shape;
}

export namespace PutResponse {

    /** Properties of a PutResponse. */
    interface $Properties {

        /** PutResponse header */
        header?: (ResponseHeader.$Properties|null);

        /** PutResponse prevKv */
        prevKv?: (KeyValue.$Properties|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a PutResponse. */
    type $Shape = PutResponse.$Properties;
}

/** Represents a DeleteRangeRequest. */
export class DeleteRangeRequest {

    /**
     * Constructs a new DeleteRangeRequest.
     * @param [properties] Properties to set
     */
    constructor(properties?: DeleteRangeRequest.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** DeleteRangeRequest key. */
    key: Uint8Array;

    /** DeleteRangeRequest rangeEnd. */
    rangeEnd: Uint8Array;

    /** DeleteRangeRequest prevKv. */
    prevKv: boolean;

    /**
     * Encodes the specified DeleteRangeRequest message. Does not implicitly {@link DeleteRangeRequest.verify|verify} messages.
     * @param message DeleteRangeRequest message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: DeleteRangeRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a DeleteRangeRequest message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {DeleteRangeRequest & DeleteRangeRequest.$Shape} DeleteRangeRequest
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): DeleteRangeRequest & DeleteRangeRequest.$Shape;
}

export namespace DeleteRangeRequest {

    /** Properties of a DeleteRangeRequest. */
    interface $Properties {

        /** DeleteRangeRequest key */
        key?: (Uint8Array|null);

        /** DeleteRangeRequest rangeEnd */
        rangeEnd?: (Uint8Array|null);

        /** DeleteRangeRequest prevKv */
        prevKv?: (boolean|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a DeleteRangeRequest. */
    type $Shape = DeleteRangeRequest.$Properties;
}

/** Represents a DeleteRangeResponse. */
export class DeleteRangeResponse {

    /**
     * Constructs a new DeleteRangeResponse.
     * @param [properties] Properties to set
     */
    constructor(properties?: DeleteRangeResponse.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** DeleteRangeResponse header. */
    header?: (ResponseHeader.$Properties|null);

    /** DeleteRangeResponse deleted. */
    deleted: Int64;

    /** DeleteRangeResponse prevKvs. */
    prevKvs: KeyValue.$Properties[];

    /**
     * Encodes the specified DeleteRangeResponse message. Does not implicitly {@link DeleteRangeResponse.verify|verify} messages.
     * @param message DeleteRangeResponse message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: DeleteRangeResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a DeleteRangeResponse message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {DeleteRangeResponse & DeleteRangeResponse.$Shape} DeleteRangeResponse
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): DeleteRangeResponse & DeleteRangeResponse.$Shape;
}

export namespace DeleteRangeResponse {

    /** Properties of a DeleteRangeResponse. */
    interface $Properties {

        /** DeleteRangeResponse header */
        header?: (ResponseHeader.$Properties|null);

        /** DeleteRangeResponse deleted */
        deleted?: (Int64|null);

        /** DeleteRangeResponse prevKvs */
        prevKvs?: (KeyValue.$Properties[]|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a DeleteRangeResponse. */
    type $Shape = DeleteRangeResponse.$Properties;
}

/** Represents a RequestOp. */
export class RequestOp {

    /**
     * Constructs a new RequestOp.
     * @param [properties] Properties to set
     */
    constructor(properties?: RequestOp.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** RequestOp requestRange. */
    requestRange?: (RangeRequest.$Properties|null);

    /** RequestOp requestPut. */
    requestPut?: (PutRequest.$Properties|null);

    /** RequestOp requestDeleteRange. */
    requestDeleteRange?: (DeleteRangeRequest.$Properties|null);

    /** RequestOp requestTxn. */
    requestTxn?: (TxnRequest.$Properties|null);

    /** RequestOp request. */
    request?: ("requestRange"|"requestPut"|"requestDeleteRange"|"requestTxn");

    /**
     * Encodes the specified RequestOp message. Does not implicitly {@link RequestOp.verify|verify} messages.
     * @param message RequestOp message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: RequestOp.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a RequestOp message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {RequestOp & RequestOp.$Shape} RequestOp
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): RequestOp & RequestOp.$Shape;
}

export namespace RequestOp {

    /** Properties of a RequestOp. */
    interface $Properties {

        /** RequestOp requestRange */
        requestRange?: (RangeRequest.$Properties|null);

        /** RequestOp requestPut */
        requestPut?: (PutRequest.$Properties|null);

        /** RequestOp requestDeleteRange */
        requestDeleteRange?: (DeleteRangeRequest.$Properties|null);

        /** RequestOp requestTxn */
        requestTxn?: (TxnRequest.$Properties|null);

        /** RequestOp request */
        request?: ("requestRange"|"requestPut"|"requestDeleteRange"|"requestTxn");

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Narrowed shape of a RequestOp. */
    type $Shape = {
      requestRange?: RangeRequest.$Shape|null;
      requestPut?: PutRequest.$Shape|null;
      requestDeleteRange?: DeleteRangeRequest.$Shape|null;
      requestTxn?: TxnRequest.$Shape|null;
      $unknowns?: Uint8Array[];
    } & (
      ({ request?: undefined; requestRange?: null; requestPut?: null; requestDeleteRange?: null; requestTxn?: null }|{ request?: "requestRange"; requestRange: RangeRequest.$Shape; requestPut?: null; requestDeleteRange?: null; requestTxn?: null }|{ request?: "requestPut"; requestRange?: null; requestPut: PutRequest.$Shape; requestDeleteRange?: null; requestTxn?: null }|{ request?: "requestDeleteRange"; requestRange?: null; requestPut?: null; requestDeleteRange: DeleteRangeRequest.$Shape; requestTxn?: null }|{ request?: "requestTxn"; requestRange?: null; requestPut?: null; requestDeleteRange?: null; requestTxn: TxnRequest.$Shape })
    );
}

/** Represents a ResponseOp. */
export class ResponseOp {

    /**
     * Constructs a new ResponseOp.
     * @param [properties] Properties to set
     */
    constructor(properties?: ResponseOp.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** ResponseOp responseRange. */
    responseRange?: (RangeResponse.$Properties|null);

    /** ResponseOp responsePut. */
    responsePut?: (PutResponse.$Properties|null);

    /** ResponseOp responseDeleteRange. */
    responseDeleteRange?: (DeleteRangeResponse.$Properties|null);

    /** ResponseOp responseTxn. */
    responseTxn?: (TxnResponse.$Properties|null);

    /** ResponseOp response. */
    response?: ("responseRange"|"responsePut"|"responseDeleteRange"|"responseTxn");

    /**
     * Encodes the specified ResponseOp message. Does not implicitly {@link ResponseOp.verify|verify} messages.
     * @param message ResponseOp message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: ResponseOp.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a ResponseOp message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {ResponseOp & ResponseOp.$Shape} ResponseOp
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): ResponseOp & ResponseOp.$Shape;
}

export namespace ResponseOp {

    /** Properties of a ResponseOp. */
    interface $Properties {

        /** ResponseOp responseRange */
        responseRange?: (RangeResponse.$Properties|null);

        /** ResponseOp responsePut */
        responsePut?: (PutResponse.$Properties|null);

        /** ResponseOp responseDeleteRange */
        responseDeleteRange?: (DeleteRangeResponse.$Properties|null);

        /** ResponseOp responseTxn */
        responseTxn?: (TxnResponse.$Properties|null);

        /** ResponseOp response */
        response?: ("responseRange"|"responsePut"|"responseDeleteRange"|"responseTxn");

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Narrowed shape of a ResponseOp. */
    type $Shape = {
      responseRange?: RangeResponse.$Shape|null;
      responsePut?: PutResponse.$Shape|null;
      responseDeleteRange?: DeleteRangeResponse.$Shape|null;
      responseTxn?: TxnResponse.$Shape|null;
      $unknowns?: Uint8Array[];
    } & (
      ({ response?: undefined; responseRange?: null; responsePut?: null; responseDeleteRange?: null; responseTxn?: null }|{ response?: "responseRange"; responseRange: RangeResponse.$Shape; responsePut?: null; responseDeleteRange?: null; responseTxn?: null }|{ response?: "responsePut"; responseRange?: null; responsePut: PutResponse.$Shape; responseDeleteRange?: null; responseTxn?: null }|{ response?: "responseDeleteRange"; responseRange?: null; responsePut?: null; responseDeleteRange: DeleteRangeResponse.$Shape; responseTxn?: null }|{ response?: "responseTxn"; responseRange?: null; responsePut?: null; responseDeleteRange?: null; responseTxn: TxnResponse.$Shape })
    );
}

/** Represents a Compare. */
export class Compare {

    /**
     * Constructs a new Compare.
     * @param [properties] Properties to set
     */
    constructor(properties?: Compare.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** Compare result. */
    result: Compare.CompareResult;

    /** Compare target. */
    target: Compare.CompareTarget;

    /** Compare key. */
    key: Uint8Array;

    /** Compare version. */
    version?: (Int64|null);

    /** Compare createRevision. */
    createRevision?: (Int64|null);

    /** Compare modRevision. */
    modRevision?: (Int64|null);

    /** Compare value. */
    value?: (Uint8Array|null);

    /** Compare lease. */
    lease?: (Int64|null);

    /** Compare rangeEnd. */
    rangeEnd: Uint8Array;

    /** Compare targetUnion. */
    targetUnion?: ("version"|"createRevision"|"modRevision"|"value"|"lease");

    /**
     * Encodes the specified Compare message. Does not implicitly {@link Compare.verify|verify} messages.
     * @param message Compare message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: Compare.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a Compare message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {Compare & Compare.$Shape} Compare
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): Compare & Compare.$Shape;
}

export namespace Compare {

    /** Properties of a Compare. */
    interface $Properties {

        /** Compare result */
        result?: (Compare.CompareResult|null);

        /** Compare target */
        target?: (Compare.CompareTarget|null);

        /** Compare key */
        key?: (Uint8Array|null);

        /** Compare version */
        version?: (Int64|null);

        /** Compare createRevision */
        createRevision?: (Int64|null);

        /** Compare modRevision */
        modRevision?: (Int64|null);

        /** Compare value */
        value?: (Uint8Array|null);

        /** Compare lease */
        lease?: (Int64|null);

        /** Compare rangeEnd */
        rangeEnd?: (Uint8Array|null);

        /** Compare targetUnion */
        targetUnion?: ("version"|"createRevision"|"modRevision"|"value"|"lease");

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Narrowed shape of a Compare. */
    type $Shape = {
      result?: Compare.CompareResult|null;
      target?: Compare.CompareTarget|null;
      key?: Uint8Array|null;
      version?: Int64|null;
      createRevision?: Int64|null;
      modRevision?: Int64|null;
      value?: Uint8Array|null;
      lease?: Int64|null;
      rangeEnd?: Uint8Array|null;
      $unknowns?: Uint8Array[];
    } & (
      ({ targetUnion?: undefined; version?: null; createRevision?: null; modRevision?: null; value?: null; lease?: null }|{ targetUnion?: "version"; version: Int64; createRevision?: null; modRevision?: null; value?: null; lease?: null }|{ targetUnion?: "createRevision"; version?: null; createRevision: Int64; modRevision?: null; value?: null; lease?: null }|{ targetUnion?: "modRevision"; version?: null; createRevision?: null; modRevision: Int64; value?: null; lease?: null }|{ targetUnion?: "value"; version?: null; createRevision?: null; modRevision?: null; value: Uint8Array; lease?: null }|{ targetUnion?: "lease"; version?: null; createRevision?: null; modRevision?: null; value?: null; lease: Int64 })
    );

    /** CompareResult enum. */
    enum CompareResult {

        /** EQUAL value */
        EQUAL = 0,

        /** GREATER value */
        GREATER = 1,

        /** LESS value */
        LESS = 2,

        /** NOT_EQUAL value */
        NOT_EQUAL = 3
    }

    /** CompareTarget enum. */
    enum CompareTarget {

        /** VERSION value */
        VERSION = 0,

        /** CREATE value */
        CREATE = 1,

        /** MOD value */
        MOD = 2,

        /** VALUE value */
        VALUE = 3,

        /** LEASE value */
        LEASE = 4
    }
}

/** Represents a TxnRequest. */
export class TxnRequest {

    /**
     * Constructs a new TxnRequest.
     * @param [properties] Properties to set
     */
    constructor(properties?: TxnRequest.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** TxnRequest compare. */
    compare: Compare.$Properties[];

    /** TxnRequest success. */
    success: RequestOp.$Properties[];

    /** TxnRequest failure. */
    failure: RequestOp.$Properties[];

    /**
     * Encodes the specified TxnRequest message. Does not implicitly {@link TxnRequest.verify|verify} messages.
     * @param message TxnRequest message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: TxnRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a TxnRequest message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {TxnRequest & TxnRequest.$Shape} TxnRequest
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): TxnRequest & TxnRequest.$Shape;
}

export namespace TxnRequest {

    /** Properties of a TxnRequest. */
    interface $Properties {

        /** TxnRequest compare */
        compare?: (Compare.$Properties[]|null);

        /** TxnRequest success */
        success?: (RequestOp.$Properties[]|null);

        /** TxnRequest failure */
        failure?: (RequestOp.$Properties[]|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a TxnRequest. */
    type $Shape = {
      compare?: Compare.$Shape[]|null;
      success?: RequestOp.$Shape[]|null;
      failure?: RequestOp.$Shape[]|null;
      $unknowns?: Uint8Array[];
    };
}

/** Represents a TxnResponse. */
export class TxnResponse {

    /**
     * Constructs a new TxnResponse.
     * @param [properties] Properties to set
     */
    constructor(properties?: TxnResponse.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** TxnResponse header. */
    header?: (ResponseHeader.$Properties|null);

    /** TxnResponse succeeded. */
    succeeded: boolean;

    /** TxnResponse responses. */
    responses: ResponseOp.$Properties[];

    /**
     * Encodes the specified TxnResponse message. Does not implicitly {@link TxnResponse.verify|verify} messages.
     * @param message TxnResponse message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: TxnResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a TxnResponse message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {TxnResponse & TxnResponse.$Shape} TxnResponse
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): TxnResponse & TxnResponse.$Shape;
}

export namespace TxnResponse {

    /** Properties of a TxnResponse. */
    interface $Properties {

        /** TxnResponse header */
        header?: (ResponseHeader.$Properties|null);

        /** TxnResponse succeeded */
        succeeded?: (boolean|null);

        /** TxnResponse responses */
        responses?: (ResponseOp.$Properties[]|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a TxnResponse. */
    type $Shape = {
      header?: ResponseHeader.$Shape|null;
      succeeded?: boolean|null;
      responses?: ResponseOp.$Shape[]|null;
      $unknowns?: Uint8Array[];
    };
}

/** Represents a CompactionRequest. */
export class CompactionRequest {

    /**
     * Constructs a new CompactionRequest.
     * @param [properties] Properties to set
     */
    constructor(properties?: CompactionRequest.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** CompactionRequest revision. */
    revision: Int64;

    /** CompactionRequest physical. */
    physical: boolean;

    /**
     * Encodes the specified CompactionRequest message. Does not implicitly {@link CompactionRequest.verify|verify} messages.
     * @param message CompactionRequest message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: CompactionRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a CompactionRequest message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {CompactionRequest & CompactionRequest.$Shape} CompactionRequest
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): CompactionRequest & CompactionRequest.$Shape;
}

export namespace CompactionRequest {

    /** Properties of a CompactionRequest. */
    interface $Properties {

        /** CompactionRequest revision */
        revision?: (Int64|null);

        /** CompactionRequest physical */
        physical?: (boolean|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a CompactionRequest. */
    type $Shape = CompactionRequest.$Properties;
}

/** Represents a CompactionResponse. */
export class CompactionResponse {

    /**
     * Constructs a new CompactionResponse.
     * @param [properties] Properties to set
     */
    constructor(properties?: CompactionResponse.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** CompactionResponse header. */
    header?: (ResponseHeader.$Properties|null);

    /**
     * Encodes the specified CompactionResponse message. Does not implicitly {@link CompactionResponse.verify|verify} messages.
     * @param message CompactionResponse message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: CompactionResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a CompactionResponse message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {CompactionResponse & CompactionResponse.$Shape} CompactionResponse
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): CompactionResponse & CompactionResponse.$Shape;
}

export namespace CompactionResponse {

    /** Properties of a CompactionResponse. */
    interface $Properties {

        /** CompactionResponse header */
        header?: (ResponseHeader.$Properties|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a CompactionResponse. */
    type $Shape = CompactionResponse.$Properties;
}

/** Represents a WatchRequest. */
export class WatchRequest {

    /**
     * Constructs a new WatchRequest.
     * @param [properties] Properties to set
     */
    constructor(properties?: WatchRequest.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** WatchRequest createRequest. */
    createRequest?: (WatchCreateRequest.$Properties|null);

    /** WatchRequest cancelRequest. */
    cancelRequest?: (WatchCancelRequest.$Properties|null);

    /** WatchRequest progressRequest. */
    progressRequest?: (WatchProgressRequest.$Properties|null);

    /** WatchRequest requestUnion. */
    requestUnion?: ("createRequest"|"cancelRequest"|"progressRequest");

    /**
     * Encodes the specified WatchRequest message. Does not implicitly {@link WatchRequest.verify|verify} messages.
     * @param message WatchRequest message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: WatchRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a WatchRequest message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {WatchRequest & WatchRequest.$Shape} WatchRequest
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): WatchRequest & WatchRequest.$Shape;
}

export namespace WatchRequest {

    /** Properties of a WatchRequest. */
    interface $Properties {

        /** WatchRequest createRequest */
        createRequest?: (WatchCreateRequest.$Properties|null);

        /** WatchRequest cancelRequest */
        cancelRequest?: (WatchCancelRequest.$Properties|null);

        /** WatchRequest progressRequest */
        progressRequest?: (WatchProgressRequest.$Properties|null);

        /** WatchRequest requestUnion */
        requestUnion?: ("createRequest"|"cancelRequest"|"progressRequest");

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Narrowed shape of a WatchRequest. */
    type $Shape = {
      createRequest?: WatchCreateRequest.$Shape|null;
      cancelRequest?: WatchCancelRequest.$Shape|null;
      progressRequest?: WatchProgressRequest.$Shape|null;
      $unknowns?: Uint8Array[];
    } & (
      ({ requestUnion?: undefined; createRequest?: null; cancelRequest?: null; progressRequest?: null }|{ requestUnion?: "createRequest"; createRequest: WatchCreateRequest.$Shape; cancelRequest?: null; progressRequest?: null }|{ requestUnion?: "cancelRequest"; createRequest?: null; cancelRequest: WatchCancelRequest.$Shape; progressRequest?: null }|{ requestUnion?: "progressRequest"; createRequest?: null; cancelRequest?: null; progressRequest: WatchProgressRequest.$Shape })
    );
}

/** Represents a WatchCreateRequest. */
export class WatchCreateRequest {

    /**
     * Constructs a new WatchCreateRequest.
     * @param [properties] Properties to set
     */
    constructor(properties?: WatchCreateRequest.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** WatchCreateRequest key. */
    key: Uint8Array;

    /** WatchCreateRequest rangeEnd. */
    rangeEnd: Uint8Array;

    /** WatchCreateRequest startRevision. */
    startRevision: Int64;

    /** WatchCreateRequest progressNotify. */
    progressNotify: boolean;

    /** WatchCreateRequest filters. */
    filters: WatchCreateRequest.FilterType[];

    /** WatchCreateRequest prevKv. */
    prevKv: boolean;

    /** WatchCreateRequest watchId. */
    watchId: Int64;

    /** WatchCreateRequest fragment. */
    fragment: boolean;

    /**
     * Encodes the specified WatchCreateRequest message. Does not implicitly {@link WatchCreateRequest.verify|verify} messages.
     * @param message WatchCreateRequest message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: WatchCreateRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a WatchCreateRequest message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {WatchCreateRequest & WatchCreateRequest.$Shape} WatchCreateRequest
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): WatchCreateRequest & WatchCreateRequest.$Shape;
}

export namespace WatchCreateRequest {

    /** Properties of a WatchCreateRequest. */
    interface $Properties {

        /** WatchCreateRequest key */
        key?: (Uint8Array|null);

        /** WatchCreateRequest rangeEnd */
        rangeEnd?: (Uint8Array|null);

        /** WatchCreateRequest startRevision */
        startRevision?: (Int64|null);

        /** WatchCreateRequest progressNotify */
        progressNotify?: (boolean|null);

        /** WatchCreateRequest filters */
        filters?: (WatchCreateRequest.FilterType[]|null);

        /** WatchCreateRequest prevKv */
        prevKv?: (boolean|null);

        /** WatchCreateRequest watchId */
        watchId?: (Int64|null);

        /** WatchCreateRequest fragment */
        fragment?: (boolean|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a WatchCreateRequest. */
    type $Shape = WatchCreateRequest.$Properties;

    /** FilterType enum. */
    enum FilterType {

        /** NOPUT value */
        NOPUT = 0,

        /** NODELETE value */
        NODELETE = 1
    }
}

/** Represents a WatchCancelRequest. */
export class WatchCancelRequest {

    /**
     * Constructs a new WatchCancelRequest.
     * @param [properties] Properties to set
     */
    constructor(properties?: WatchCancelRequest.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** WatchCancelRequest watchId. */
    watchId: Int64;

    /**
     * Encodes the specified WatchCancelRequest message. Does not implicitly {@link WatchCancelRequest.verify|verify} messages.
     * @param message WatchCancelRequest message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: WatchCancelRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a WatchCancelRequest message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {WatchCancelRequest & WatchCancelRequest.$Shape} WatchCancelRequest
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): WatchCancelRequest & WatchCancelRequest.$Shape;
}

export namespace WatchCancelRequest {

    /** Properties of a WatchCancelRequest. */
    interface $Properties {

        /** WatchCancelRequest watchId */
        watchId?: (Int64|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a WatchCancelRequest. */
    type $Shape = WatchCancelRequest.$Properties;
}

/** Represents a WatchProgressRequest. */
export class WatchProgressRequest {

    /**
     * Constructs a new WatchProgressRequest.
     * @param [properties] Properties to set
     */
    constructor(properties?: WatchProgressRequest.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /**
     * Encodes the specified WatchProgressRequest message. Does not implicitly {@link WatchProgressRequest.verify|verify} messages.
     * @param message WatchProgressRequest message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: WatchProgressRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a WatchProgressRequest message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {WatchProgressRequest & WatchProgressRequest.$Shape} WatchProgressRequest
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): WatchProgressRequest & WatchProgressRequest.$Shape;
}

export namespace WatchProgressRequest {

    /** Properties of a WatchProgressRequest. */
    interface $Properties {

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a WatchProgressRequest. */
    type $Shape = WatchProgressRequest.$Properties;
}

/** Represents a WatchResponse. */
export class WatchResponse {

    /**
     * Constructs a new WatchResponse.
     * @param [properties] Properties to set
     */
    constructor(properties?: WatchResponse.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** WatchResponse header. */
    header?: (ResponseHeader.$Properties|null);

    /** WatchResponse watchId. */
    watchId: Int64;

    /** WatchResponse created. */
    created: boolean;

    /** WatchResponse canceled. */
    canceled: boolean;

    /** WatchResponse compactRevision. */
    compactRevision: Int64;

    /** WatchResponse cancelReason. */
    cancelReason: string;

    /** WatchResponse fragment. */
    fragment: boolean;

    /** WatchResponse events. */
    events: Event.$Properties[];

    /**
     * Encodes the specified WatchResponse message. Does not implicitly {@link WatchResponse.verify|verify} messages.
     * @param message WatchResponse message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: WatchResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a WatchResponse message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {WatchResponse & WatchResponse.$Shape} WatchResponse
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): WatchResponse & WatchResponse.$Shape;
}

export namespace WatchResponse {

    /** Properties of a WatchResponse. */
    interface $Properties {

        /** WatchResponse header */
        header?: (ResponseHeader.$Properties|null);

        /** WatchResponse watchId */
        watchId?: (Int64|null);

        /** WatchResponse created */
        created?: (boolean|null);

        /** WatchResponse canceled */
        canceled?: (boolean|null);

        /** WatchResponse compactRevision */
        compactRevision?: (Int64|null);

        /** WatchResponse cancelReason */
        cancelReason?: (string|null);

        /** WatchResponse fragment */
        fragment?: (boolean|null);

        /** WatchResponse events */
        events?: (Event.$Properties[]|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a WatchResponse. */
    type $Shape = WatchResponse.$Properties;
}

/** Represents a LeaseGrantRequest. */
export class LeaseGrantRequest {

    /**
     * Constructs a new LeaseGrantRequest.
     * @param [properties] Properties to set
     */
    constructor(properties?: LeaseGrantRequest.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** LeaseGrantRequest TTL. */
    TTL: Int64;

    /** LeaseGrantRequest ID. */
    ID: Int64;

    /**
     * Encodes the specified LeaseGrantRequest message. Does not implicitly {@link LeaseGrantRequest.verify|verify} messages.
     * @param message LeaseGrantRequest message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: LeaseGrantRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a LeaseGrantRequest message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {LeaseGrantRequest & LeaseGrantRequest.$Shape} LeaseGrantRequest
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): LeaseGrantRequest & LeaseGrantRequest.$Shape;
}

export namespace LeaseGrantRequest {

    /** Properties of a LeaseGrantRequest. */
    interface $Properties {

        /** LeaseGrantRequest TTL */
        TTL?: (Int64|null);

        /** LeaseGrantRequest ID */
        ID?: (Int64|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a LeaseGrantRequest. */
    type $Shape = LeaseGrantRequest.$Properties;
}

/** Represents a LeaseGrantResponse. */
export class LeaseGrantResponse {

    /**
     * Constructs a new LeaseGrantResponse.
     * @param [properties] Properties to set
     */
    constructor(properties?: LeaseGrantResponse.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** LeaseGrantResponse header. */
    header?: (ResponseHeader.$Properties|null);

    /** LeaseGrantResponse ID. */
    ID: Int64;

    /** LeaseGrantResponse TTL. */
    TTL: Int64;

    /** LeaseGrantResponse error. */
    error: string;

    /**
     * Encodes the specified LeaseGrantResponse message. Does not implicitly {@link LeaseGrantResponse.verify|verify} messages.
     * @param message LeaseGrantResponse message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: LeaseGrantResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a LeaseGrantResponse message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {LeaseGrantResponse & LeaseGrantResponse.$Shape} LeaseGrantResponse
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): LeaseGrantResponse & LeaseGrantResponse.$Shape;
}

export namespace LeaseGrantResponse {

    /** Properties of a LeaseGrantResponse. */
    interface $Properties {

        /** LeaseGrantResponse header */
        header?: (ResponseHeader.$Properties|null);

        /** LeaseGrantResponse ID */
        ID?: (Int64|null);

        /** LeaseGrantResponse TTL */
        TTL?: (Int64|null);

        /** LeaseGrantResponse error */
        error?: (string|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a LeaseGrantResponse. */
    type $Shape = LeaseGrantResponse.$Properties;
}

/** Represents a LeaseRevokeRequest. */
export class LeaseRevokeRequest {

    /**
     * Constructs a new LeaseRevokeRequest.
     * @param [properties] Properties to set
     */
    constructor(properties?: LeaseRevokeRequest.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** LeaseRevokeRequest ID. */
    ID: Int64;

    /**
     * Encodes the specified LeaseRevokeRequest message. Does not implicitly {@link LeaseRevokeRequest.verify|verify} messages.
     * @param message LeaseRevokeRequest message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: LeaseRevokeRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a LeaseRevokeRequest message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {LeaseRevokeRequest & LeaseRevokeRequest.$Shape} LeaseRevokeRequest
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): LeaseRevokeRequest & LeaseRevokeRequest.$Shape;
}

export namespace LeaseRevokeRequest {

    /** Properties of a LeaseRevokeRequest. */
    interface $Properties {

        /** LeaseRevokeRequest ID */
        ID?: (Int64|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a LeaseRevokeRequest. */
    type $Shape = LeaseRevokeRequest.$Properties;
}

/** Represents a LeaseRevokeResponse. */
export class LeaseRevokeResponse {

    /**
     * Constructs a new LeaseRevokeResponse.
     * @param [properties] Properties to set
     */
    constructor(properties?: LeaseRevokeResponse.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** LeaseRevokeResponse header. */
    header?: (ResponseHeader.$Properties|null);

    /**
     * Encodes the specified LeaseRevokeResponse message. Does not implicitly {@link LeaseRevokeResponse.verify|verify} messages.
     * @param message LeaseRevokeResponse message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: LeaseRevokeResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a LeaseRevokeResponse message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {LeaseRevokeResponse & LeaseRevokeResponse.$Shape} LeaseRevokeResponse
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): LeaseRevokeResponse & LeaseRevokeResponse.$Shape;
}

export namespace LeaseRevokeResponse {

    /** Properties of a LeaseRevokeResponse. */
    interface $Properties {

        /** LeaseRevokeResponse header */
        header?: (ResponseHeader.$Properties|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a LeaseRevokeResponse. */
    type $Shape = LeaseRevokeResponse.$Properties;
}

/** Represents a LeaseKeepAliveRequest. */
export class LeaseKeepAliveRequest {

    /**
     * Constructs a new LeaseKeepAliveRequest.
     * @param [properties] Properties to set
     */
    constructor(properties?: LeaseKeepAliveRequest.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** LeaseKeepAliveRequest ID. */
    ID: Int64;

    /**
     * Encodes the specified LeaseKeepAliveRequest message. Does not implicitly {@link LeaseKeepAliveRequest.verify|verify} messages.
     * @param message LeaseKeepAliveRequest message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: LeaseKeepAliveRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a LeaseKeepAliveRequest message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {LeaseKeepAliveRequest & LeaseKeepAliveRequest.$Shape} LeaseKeepAliveRequest
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): LeaseKeepAliveRequest & LeaseKeepAliveRequest.$Shape;
}

export namespace LeaseKeepAliveRequest {

    /** Properties of a LeaseKeepAliveRequest. */
    interface $Properties {

        /** LeaseKeepAliveRequest ID */
        ID?: (Int64|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a LeaseKeepAliveRequest. */
    type $Shape = LeaseKeepAliveRequest.$Properties;
}

/** Represents a LeaseKeepAliveResponse. */
export class LeaseKeepAliveResponse {

    /**
     * Constructs a new LeaseKeepAliveResponse.
     * @param [properties] Properties to set
     */
    constructor(properties?: LeaseKeepAliveResponse.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** LeaseKeepAliveResponse header. */
    header?: (ResponseHeader.$Properties|null);

    /** LeaseKeepAliveResponse ID. */
    ID: Int64;

    /** LeaseKeepAliveResponse TTL. */
    TTL: Int64;

    /**
     * Encodes the specified LeaseKeepAliveResponse message. Does not implicitly {@link LeaseKeepAliveResponse.verify|verify} messages.
     * @param message LeaseKeepAliveResponse message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: LeaseKeepAliveResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a LeaseKeepAliveResponse message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {LeaseKeepAliveResponse & LeaseKeepAliveResponse.$Shape} LeaseKeepAliveResponse
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): LeaseKeepAliveResponse & LeaseKeepAliveResponse.$Shape;
}

export namespace LeaseKeepAliveResponse {

    /** Properties of a LeaseKeepAliveResponse. */
    interface $Properties {

        /** LeaseKeepAliveResponse header */
        header?: (ResponseHeader.$Properties|null);

        /** LeaseKeepAliveResponse ID */
        ID?: (Int64|null);

        /** LeaseKeepAliveResponse TTL */
        TTL?: (Int64|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a LeaseKeepAliveResponse. */
    type $Shape = LeaseKeepAliveResponse.$Properties;
}

/** Represents a LeaseTimeToLiveRequest. */
export class LeaseTimeToLiveRequest {

    /**
     * Constructs a new LeaseTimeToLiveRequest.
     * @param [properties] Properties to set
     */
    constructor(properties?: LeaseTimeToLiveRequest.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** LeaseTimeToLiveRequest ID. */
    ID: Int64;

    /** LeaseTimeToLiveRequest keys. */
    keys: boolean;

    /**
     * Encodes the specified LeaseTimeToLiveRequest message. Does not implicitly {@link LeaseTimeToLiveRequest.verify|verify} messages.
     * @param message LeaseTimeToLiveRequest message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: LeaseTimeToLiveRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a LeaseTimeToLiveRequest message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {LeaseTimeToLiveRequest & LeaseTimeToLiveRequest.$Shape} LeaseTimeToLiveRequest
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): LeaseTimeToLiveRequest & LeaseTimeToLiveRequest.$Shape;
}

export namespace LeaseTimeToLiveRequest {

    /** Properties of a LeaseTimeToLiveRequest. */
    interface $Properties {

        /** LeaseTimeToLiveRequest ID */
        ID?: (Int64|null);

        /** LeaseTimeToLiveRequest keys */
        keys?: (boolean|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a LeaseTimeToLiveRequest. */
    type $Shape = LeaseTimeToLiveRequest.$Properties;
}

/** Represents a LeaseTimeToLiveResponse. */
export class LeaseTimeToLiveResponse {

    /**
     * Constructs a new LeaseTimeToLiveResponse.
     * @param [properties] Properties to set
     */
    constructor(properties?: LeaseTimeToLiveResponse.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** LeaseTimeToLiveResponse header. */
    header?: (ResponseHeader.$Properties|null);

    /** LeaseTimeToLiveResponse ID. */
    ID: Int64;

    /** LeaseTimeToLiveResponse TTL. */
    TTL: Int64;

    /** LeaseTimeToLiveResponse grantedTTL. */
    grantedTTL: Int64;

    /** LeaseTimeToLiveResponse keys. */
    keys: Uint8Array[];

    /**
     * Encodes the specified LeaseTimeToLiveResponse message. Does not implicitly {@link LeaseTimeToLiveResponse.verify|verify} messages.
     * @param message LeaseTimeToLiveResponse message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: LeaseTimeToLiveResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a LeaseTimeToLiveResponse message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {LeaseTimeToLiveResponse & LeaseTimeToLiveResponse.$Shape} LeaseTimeToLiveResponse
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): LeaseTimeToLiveResponse & LeaseTimeToLiveResponse.$Shape;
}

export namespace LeaseTimeToLiveResponse {

    /** Properties of a LeaseTimeToLiveResponse. */
    interface $Properties {

        /** LeaseTimeToLiveResponse header */
        header?: (ResponseHeader.$Properties|null);

        /** LeaseTimeToLiveResponse ID */
        ID?: (Int64|null);

        /** LeaseTimeToLiveResponse TTL */
        TTL?: (Int64|null);

        /** LeaseTimeToLiveResponse grantedTTL */
        grantedTTL?: (Int64|null);

        /** LeaseTimeToLiveResponse keys */
        keys?: (Uint8Array[]|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a LeaseTimeToLiveResponse. */
    type $Shape = LeaseTimeToLiveResponse.$Properties;
}

/** Represents a LeaseLeasesRequest. */
export class LeaseLeasesRequest {

    /**
     * Constructs a new LeaseLeasesRequest.
     * @param [properties] Properties to set
     */
    constructor(properties?: LeaseLeasesRequest.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /**
     * Encodes the specified LeaseLeasesRequest message. Does not implicitly {@link LeaseLeasesRequest.verify|verify} messages.
     * @param message LeaseLeasesRequest message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: LeaseLeasesRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a LeaseLeasesRequest message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {LeaseLeasesRequest & LeaseLeasesRequest.$Shape} LeaseLeasesRequest
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): LeaseLeasesRequest & LeaseLeasesRequest.$Shape;
}

export namespace LeaseLeasesRequest {

    /** Properties of a LeaseLeasesRequest. */
    interface $Properties {

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a LeaseLeasesRequest. */
    type $Shape = LeaseLeasesRequest.$Properties;
}

/** Represents a LeaseStatus. */
export class LeaseStatus {

    /**
     * Constructs a new LeaseStatus.
     * @param [properties] Properties to set
     */
    constructor(properties?: LeaseStatus.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** LeaseStatus ID. */
    ID: Int64;

    /**
     * Encodes the specified LeaseStatus message. Does not implicitly {@link LeaseStatus.verify|verify} messages.
     * @param message LeaseStatus message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: LeaseStatus.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a LeaseStatus message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {LeaseStatus & LeaseStatus.$Shape} LeaseStatus
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): LeaseStatus & LeaseStatus.$Shape;
}

export namespace LeaseStatus {

    /** Properties of a LeaseStatus. */
    interface $Properties {

        /** LeaseStatus ID */
        ID?: (Int64|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a LeaseStatus. */
    type $Shape = LeaseStatus.$Properties;
}

/** Represents a LeaseLeasesResponse. */
export class LeaseLeasesResponse {

    /**
     * Constructs a new LeaseLeasesResponse.
     * @param [properties] Properties to set
     */
    constructor(properties?: LeaseLeasesResponse.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** LeaseLeasesResponse header. */
    header?: (ResponseHeader.$Properties|null);

    /** LeaseLeasesResponse leases. */
    leases: LeaseStatus.$Properties[];

    /**
     * Encodes the specified LeaseLeasesResponse message. Does not implicitly {@link LeaseLeasesResponse.verify|verify} messages.
     * @param message LeaseLeasesResponse message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: LeaseLeasesResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a LeaseLeasesResponse message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {LeaseLeasesResponse & LeaseLeasesResponse.$Shape} LeaseLeasesResponse
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): LeaseLeasesResponse & LeaseLeasesResponse.$Shape;
}

export namespace LeaseLeasesResponse {

    /** Properties of a LeaseLeasesResponse. */
    interface $Properties {

        /** LeaseLeasesResponse header */
        header?: (ResponseHeader.$Properties|null);

        /** LeaseLeasesResponse leases */
        leases?: (LeaseStatus.$Properties[]|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a LeaseLeasesResponse. */
    type $Shape = LeaseLeasesResponse.$Properties;
}

/** Represents an AuthStatusRequest. */
export class AuthStatusRequest {

    /**
     * Constructs a new AuthStatusRequest.
     * @param [properties] Properties to set
     */
    constructor(properties?: AuthStatusRequest.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /**
     * Encodes the specified AuthStatusRequest message. Does not implicitly {@link AuthStatusRequest.verify|verify} messages.
     * @param message AuthStatusRequest message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: AuthStatusRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes an AuthStatusRequest message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {AuthStatusRequest & AuthStatusRequest.$Shape} AuthStatusRequest
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): AuthStatusRequest & AuthStatusRequest.$Shape;
}

export namespace AuthStatusRequest {

    /** Properties of an AuthStatusRequest. */
    interface $Properties {

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of an AuthStatusRequest. */
    type $Shape = AuthStatusRequest.$Properties;
}

/** Represents an AuthStatusResponse. */
export class AuthStatusResponse {

    /**
     * Constructs a new AuthStatusResponse.
     * @param [properties] Properties to set
     */
    constructor(properties?: AuthStatusResponse.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** AuthStatusResponse header. */
    header?: (ResponseHeader.$Properties|null);

    /** AuthStatusResponse enabled. */
    enabled: boolean;

    /** AuthStatusResponse authRevision. */
    authRevision: Int64;

    /**
     * Encodes the specified AuthStatusResponse message. Does not implicitly {@link AuthStatusResponse.verify|verify} messages.
     * @param message AuthStatusResponse message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: AuthStatusResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes an AuthStatusResponse message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {AuthStatusResponse & AuthStatusResponse.$Shape} AuthStatusResponse
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): AuthStatusResponse & AuthStatusResponse.$Shape;
}

export namespace AuthStatusResponse {

    /** Properties of an AuthStatusResponse. */
    interface $Properties {

        /** AuthStatusResponse header */
        header?: (ResponseHeader.$Properties|null);

        /** AuthStatusResponse enabled */
        enabled?: (boolean|null);

        /** AuthStatusResponse authRevision */
        authRevision?: (Int64|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of an AuthStatusResponse. */
    type $Shape = AuthStatusResponse.$Properties;
}

/** Represents an AuthenticateRequest. */
export class AuthenticateRequest {

    /**
     * Constructs a new AuthenticateRequest.
     * @param [properties] Properties to set
     */
    constructor(properties?: AuthenticateRequest.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** AuthenticateRequest name. */
    name: string;

    /** AuthenticateRequest password. */
    password: string;

    /**
     * Encodes the specified AuthenticateRequest message. Does not implicitly {@link AuthenticateRequest.verify|verify} messages.
     * @param message AuthenticateRequest message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: AuthenticateRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes an AuthenticateRequest message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {AuthenticateRequest & AuthenticateRequest.$Shape} AuthenticateRequest
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): AuthenticateRequest & AuthenticateRequest.$Shape;
}

export namespace AuthenticateRequest {

    /** Properties of an AuthenticateRequest. */
    interface $Properties {

        /** AuthenticateRequest name */
        name?: (string|null);

        /** AuthenticateRequest password */
        password?: (string|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of an AuthenticateRequest. */
    type $Shape = AuthenticateRequest.$Properties;
}

/** Represents an AuthenticateResponse. */
export class AuthenticateResponse {

    /**
     * Constructs a new AuthenticateResponse.
     * @param [properties] Properties to set
     */
    constructor(properties?: AuthenticateResponse.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** AuthenticateResponse header. */
    header?: (ResponseHeader.$Properties|null);

    /** AuthenticateResponse token. */
    token: string;

    /**
     * Encodes the specified AuthenticateResponse message. Does not implicitly {@link AuthenticateResponse.verify|verify} messages.
     * @param message AuthenticateResponse message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: AuthenticateResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes an AuthenticateResponse message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {AuthenticateResponse & AuthenticateResponse.$Shape} AuthenticateResponse
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): AuthenticateResponse & AuthenticateResponse.$Shape;
}

export namespace AuthenticateResponse {

    /** Properties of an AuthenticateResponse. */
    interface $Properties {

        /** AuthenticateResponse header */
        header?: (ResponseHeader.$Properties|null);

        /** AuthenticateResponse token */
        token?: (string|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of an AuthenticateResponse. */
    type $Shape = AuthenticateResponse.$Properties;
}

/** Represents a StatusRequest. */
export class StatusRequest {

    /**
     * Constructs a new StatusRequest.
     * @param [properties] Properties to set
     */
    constructor(properties?: StatusRequest.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /**
     * Encodes the specified StatusRequest message. Does not implicitly {@link StatusRequest.verify|verify} messages.
     * @param message StatusRequest message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: StatusRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a StatusRequest message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {StatusRequest & StatusRequest.$Shape} StatusRequest
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): StatusRequest & StatusRequest.$Shape;
}

export namespace StatusRequest {

    /** Properties of a StatusRequest. */
    interface $Properties {

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a StatusRequest. */
    type $Shape = StatusRequest.$Properties;
}

/** Represents a StatusResponse. */
export class StatusResponse {

    /**
     * Constructs a new StatusResponse.
     * @param [properties] Properties to set
     */
    constructor(properties?: StatusResponse.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** StatusResponse header. */
    header?: (ResponseHeader.$Properties|null);

    /** StatusResponse version. */
    version: string;

    /** StatusResponse dbSize. */
    dbSize: Int64;

    /** StatusResponse leader. */
    leader: Int64;

    /** StatusResponse raftIndex. */
    raftIndex: Int64;

    /** StatusResponse raftTerm. */
    raftTerm: Int64;

    /** StatusResponse raftAppliedIndex. */
    raftAppliedIndex: Int64;

    /** StatusResponse errors. */
    errors: string[];

    /** StatusResponse dbSizeInUse. */
    dbSizeInUse: Int64;

    /** StatusResponse isLearner. */
    isLearner: boolean;

    /**
     * Encodes the specified StatusResponse message. Does not implicitly {@link StatusResponse.verify|verify} messages.
     * @param message StatusResponse message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: StatusResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a StatusResponse message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {StatusResponse & StatusResponse.$Shape} StatusResponse
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): StatusResponse & StatusResponse.$Shape;
}

export namespace StatusResponse {

    /** Properties of a StatusResponse. */
    interface $Properties {

        /** StatusResponse header */
        header?: (ResponseHeader.$Properties|null);

        /** StatusResponse version */
        version?: (string|null);

        /** StatusResponse dbSize */
        dbSize?: (Int64|null);

        /** StatusResponse leader */
        leader?: (Int64|null);

        /** StatusResponse raftIndex */
        raftIndex?: (Int64|null);

        /** StatusResponse raftTerm */
        raftTerm?: (Int64|null);

        /** StatusResponse raftAppliedIndex */
        raftAppliedIndex?: (Int64|null);

        /** StatusResponse errors */
        errors?: (string[]|null);

        /** StatusResponse dbSizeInUse */
        dbSizeInUse?: (Int64|null);

        /** StatusResponse isLearner */
        isLearner?: (boolean|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a StatusResponse. */
    type $Shape = StatusResponse.$Properties;
}

/** Represents an AlarmRequest. */
export class AlarmRequest {

    /**
     * Constructs a new AlarmRequest.
     * @param [properties] Properties to set
     */
    constructor(properties?: AlarmRequest.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** AlarmRequest action. */
    action: AlarmRequest.AlarmAction;

    /** AlarmRequest memberId. */
    memberId: Int64;

    /** AlarmRequest alarm. */
    alarm: number;

    /**
     * Encodes the specified AlarmRequest message. Does not implicitly {@link AlarmRequest.verify|verify} messages.
     * @param message AlarmRequest message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: AlarmRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes an AlarmRequest message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {AlarmRequest & AlarmRequest.$Shape} AlarmRequest
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): AlarmRequest & AlarmRequest.$Shape;
}

export namespace AlarmRequest {

    /** Properties of an AlarmRequest. */
    interface $Properties {

        /** AlarmRequest action */
        action?: (AlarmRequest.AlarmAction|null);

        /** AlarmRequest memberId */
        memberId?: (Int64|null);

        /** AlarmRequest alarm */
        alarm?: (number|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of an AlarmRequest. */
    type $Shape = AlarmRequest.$Properties;

    /** AlarmAction enum. */
    enum AlarmAction {

        /** GET value */
        GET = 0,

        /** ACTIVATE value */
        ACTIVATE = 1,

        /** DEACTIVATE value */
        DEACTIVATE = 2
    }
}

/** Represents an AlarmResponse. */
export class AlarmResponse {

    /**
     * Constructs a new AlarmResponse.
     * @param [properties] Properties to set
     */
    constructor(properties?: AlarmResponse.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** AlarmResponse header. */
    header?: (ResponseHeader.$Properties|null);

    /**
     * Encodes the specified AlarmResponse message. Does not implicitly {@link AlarmResponse.verify|verify} messages.
     * @param message AlarmResponse message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: AlarmResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes an AlarmResponse message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {AlarmResponse & AlarmResponse.$Shape} AlarmResponse
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): AlarmResponse & AlarmResponse.$Shape;
}

export namespace AlarmResponse {

    /** Properties of an AlarmResponse. */
    interface $Properties {

        /** AlarmResponse header */
        header?: (ResponseHeader.$Properties|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of an AlarmResponse. */
    type $Shape = AlarmResponse.$Properties;
}

/** Represents a DefragmentRequest. */
export class DefragmentRequest {

    /**
     * Constructs a new DefragmentRequest.
     * @param [properties] Properties to set
     */
    constructor(properties?: DefragmentRequest.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /**
     * Encodes the specified DefragmentRequest message. Does not implicitly {@link DefragmentRequest.verify|verify} messages.
     * @param message DefragmentRequest message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: DefragmentRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a DefragmentRequest message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {DefragmentRequest & DefragmentRequest.$Shape} DefragmentRequest
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): DefragmentRequest & DefragmentRequest.$Shape;
}

export namespace DefragmentRequest {

    /** Properties of a DefragmentRequest. */
    interface $Properties {

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a DefragmentRequest. */
    type $Shape = DefragmentRequest.$Properties;
}

/** Represents a DefragmentResponse. */
export class DefragmentResponse {

    /**
     * Constructs a new DefragmentResponse.
     * @param [properties] Properties to set
     */
    constructor(properties?: DefragmentResponse.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** DefragmentResponse header. */
    header?: (ResponseHeader.$Properties|null);

    /**
     * Encodes the specified DefragmentResponse message. Does not implicitly {@link DefragmentResponse.verify|verify} messages.
     * @param message DefragmentResponse message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: DefragmentResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a DefragmentResponse message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {DefragmentResponse & DefragmentResponse.$Shape} DefragmentResponse
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): DefragmentResponse & DefragmentResponse.$Shape;
}

export namespace DefragmentResponse {

    /** Properties of a DefragmentResponse. */
    interface $Properties {

        /** DefragmentResponse header */
        header?: (ResponseHeader.$Properties|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a DefragmentResponse. */
    type $Shape = DefragmentResponse.$Properties;
}

/** Represents a Member. */
export class Member {

    /**
     * Constructs a new Member.
     * @param [properties] Properties to set
     */
    constructor(properties?: Member.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** Member ID. */
    ID: Int64;

    /** Member name. */
    name: string;

    /** Member peerUrls. */
    peerUrls: string[];

    /** Member clientUrls. */
    clientUrls: string[];

    /** Member isLearner. */
    isLearner: boolean;

    /**
     * Encodes the specified Member message. Does not implicitly {@link Member.verify|verify} messages.
     * @param message Member message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: Member.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a Member message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {Member & Member.$Shape} Member
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): Member & Member.$Shape;
}

export namespace Member {

    /** Properties of a Member. */
    interface $Properties {

        /** Member ID */
        ID?: (Int64|null);

        /** Member name */
        name?: (string|null);

        /** Member peerUrls */
        peerUrls?: (string[]|null);

        /** Member clientUrls */
        clientUrls?: (string[]|null);

        /** Member isLearner */
        isLearner?: (boolean|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a Member. */
    type $Shape = Member.$Properties;
}

/** Represents a MemberListRequest. */
export class MemberListRequest {

    /**
     * Constructs a new MemberListRequest.
     * @param [properties] Properties to set
     */
    constructor(properties?: MemberListRequest.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** MemberListRequest linearizable. */
    linearizable: boolean;

    /**
     * Encodes the specified MemberListRequest message. Does not implicitly {@link MemberListRequest.verify|verify} messages.
     * @param message MemberListRequest message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: MemberListRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a MemberListRequest message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {MemberListRequest & MemberListRequest.$Shape} MemberListRequest
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): MemberListRequest & MemberListRequest.$Shape;
}

export namespace MemberListRequest {

    /** Properties of a MemberListRequest. */
    interface $Properties {

        /** MemberListRequest linearizable */
        linearizable?: (boolean|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a MemberListRequest. */
    type $Shape = MemberListRequest.$Properties;
}

/** Represents a MemberListResponse. */
export class MemberListResponse {

    /**
     * Constructs a new MemberListResponse.
     * @param [properties] Properties to set
     */
    constructor(properties?: MemberListResponse.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** MemberListResponse header. */
    header?: (ResponseHeader.$Properties|null);

    /** MemberListResponse members. */
    members: Member.$Properties[];

    /**
     * Encodes the specified MemberListResponse message. Does not implicitly {@link MemberListResponse.verify|verify} messages.
     * @param message MemberListResponse message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: MemberListResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a MemberListResponse message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {MemberListResponse & MemberListResponse.$Shape} MemberListResponse
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): MemberListResponse & MemberListResponse.$Shape;
}

export namespace MemberListResponse {

    /** Properties of a MemberListResponse. */
    interface $Properties {

        /** MemberListResponse header */
        header?: (ResponseHeader.$Properties|null);

        /** MemberListResponse members */
        members?: (Member.$Properties[]|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a MemberListResponse. */
    type $Shape = MemberListResponse.$Properties;
}

/** Represents a LogLease. */
export class LogLease {

    /**
     * Constructs a new LogLease.
     * @param [properties] Properties to set
     */
    constructor(properties?: LogLease.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** LogLease id. */
    id: Int64;

    /** LogLease ttlMs. */
    ttlMs: Int64;

    /**
     * Encodes the specified LogLease message. Does not implicitly {@link LogLease.verify|verify} messages.
     * @param message LogLease message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: LogLease.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a LogLease message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {LogLease & LogLease.$Shape} LogLease
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): LogLease & LogLease.$Shape;
}

export namespace LogLease {

    /** Properties of a LogLease. */
    interface $Properties {

        /** LogLease id */
        id?: (Int64|null);

        /** LogLease ttlMs */
        ttlMs?: (Int64|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a LogLease. */
    type $Shape = LogLease.$Properties;
}

/** Represents a LogRecord. */
export class LogRecord {

    /**
     * Constructs a new LogRecord.
     * @param [properties] Properties to set
     */
    constructor(properties?: LogRecord.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** LogRecord revision. */
    revision: Int64;

    /** LogRecord events. */
    events: Event.$Properties[];

    /** LogRecord granted. */
    granted: LogLease.$Properties[];

    /** LogRecord ended. */
    ended: Int64[];

    /** LogRecord compacted. */
    compacted?: (LogCompaction.$Properties|null);

    /** LogRecord origin. */
    origin?: (LogOrigin.$Properties|null);

    /**
     * Encodes the specified LogRecord message. Does not implicitly {@link LogRecord.verify|verify} messages.
     * @param message LogRecord message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: LogRecord.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a LogRecord message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {LogRecord & LogRecord.$Shape} LogRecord
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): LogRecord & LogRecord.$Shape;
}

export namespace LogRecord {

    /** Properties of a LogRecord. */
    interface $Properties {

        /** LogRecord revision */
        revision?: (Int64|null);

        /** LogRecord events */
        events?: (Event.$Properties[]|null);

        /** LogRecord granted */
        granted?: (LogLease.$Properties[]|null);

        /** LogRecord ended */
        ended?: (Int64[]|null);

        /** LogRecord compacted */
        compacted?: (LogCompaction.$Properties|null);

        /** LogRecord origin */
        origin?: (LogOrigin.$Properties|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a LogRecord. */
    type $Shape = LogRecord.$Properties;
}

/** Represents a LogCompaction. */
export class LogCompaction {

    /**
     * Constructs a new LogCompaction.
     * @param [properties] Properties to set
     */
    constructor(properties?: LogCompaction.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** LogCompaction revision. */
    revision: Int64;

    /**
     * Encodes the specified LogCompaction message. Does not implicitly {@link LogCompaction.verify|verify} messages.
     * @param message LogCompaction message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: LogCompaction.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a LogCompaction message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {LogCompaction & LogCompaction.$Shape} LogCompaction
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): LogCompaction & LogCompaction.$Shape;
}

export namespace LogCompaction {

    /** Properties of a LogCompaction. */
    interface $Properties {

        /** LogCompaction revision */
        revision?: (Int64|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a LogCompaction. */
    type $Shape = LogCompaction.$Properties;
}

/** Represents a LogOrigin. */
export class LogOrigin {

    /**
     * Constructs a new LogOrigin.
     * @param [properties] Properties to set
     */
    constructor(properties?: LogOrigin.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** LogOrigin clusterId. */
    clusterId: Int64;

    /** LogOrigin memberId. */
    memberId: Int64;

    /**
     * Encodes the specified LogOrigin message. Does not implicitly {@link LogOrigin.verify|verify} messages.
     * @param message LogOrigin message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: LogOrigin.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a LogOrigin message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {LogOrigin & LogOrigin.$Shape} LogOrigin
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): LogOrigin & LogOrigin.$Shape;
}

export namespace LogOrigin {

    /** Properties of a LogOrigin. */
    interface $Properties {

        /** LogOrigin clusterId */
        clusterId?: (Int64|null);

        /** LogOrigin memberId */
        memberId?: (Int64|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a LogOrigin. */
    type $Shape = LogOrigin.$Properties;
}

/** An int64 as two 32-bit halves. */
export interface Int64 {
  readonly low: number;
  readonly high: number;
  readonly unsigned: boolean;
}
