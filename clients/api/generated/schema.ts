// Generated from openapi.yaml by `npm run client`.
export interface paths {
    "/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the process lives */
        get: operations["getHealth"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether all parts are up; 503 names those that are not */
        get: operations["getReadiness"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/openapi.yaml": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** This description */
        get: operations["getOpenapi"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/docs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The reference as a page */
        get: operations["getDocs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/datasets": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List datasets */
        get: operations["listDatasets"];
        put?: never;
        /**
         * Upload a dataset
         * @description The archive is streamed to storage and then checked; poll the dataset until it is `ready` or `invalid`.
         */
        post: operations["createDataset"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/datasets/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a dataset */
        get: operations["getDataset"];
        put?: never;
        post?: never;
        /** Delete a dataset */
        delete: operations["deleteDataset"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/datasets/{id}/report": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What checking found out */
        get: operations["getDatasetReport"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/datasets/{id}/examples": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List examples, in the order of the archive */
        get: operations["listDatasetExamples"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/bases": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List bases */
        get: operations["listBases"];
        put?: never;
        /**
         * Add a base: upload it, fetch it from a model hub, or make it from a model
         * @description A file (`multipart/form-data`) is streamed to storage and then checked; a repository of a model hub (JSON, `hub`) is fetched by a worker, a model of this service (JSON, `model`) is there already, and both are checked the same way. Poll the base until it is `ready` or `invalid`.
         */
        post: operations["createBase"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/bases/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a base by id, name or digest */
        get: operations["getBase"];
        put?: never;
        post?: never;
        /** Delete a base */
        delete: operations["deleteBase"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/engines": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What the workers can train on */
        get: operations["listEngines"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List jobs */
        get: operations["listJobs"];
        put?: never;
        /** Train */
        post: operations["createJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a job */
        get: operations["getJob"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{id}/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Metrics, oldest first */
        get: operations["listJobMetrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Events, oldest first
         * @description With `Accept: text/event-stream` the same events live: `id` is the cursor, `event` the type, `Last-Event-ID` goes on from there; the stream ends with the job.
         */
        get: operations["listJobEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/models": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List models */
        get: operations["listModels"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/models/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a model by id or alias */
        get: operations["getModel"];
        put?: never;
        post?: never;
        /**
         * Delete a model
         * @description By id; an alias is refused. Its aliases go with it. Refused with `in-use` while bases stand that were made from it; `errors` lists them. No prediction is answered from then on; by other processes of the API, from a second later.
         */
        delete: operations["deleteModel"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/models/{id}/evaluation": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How well it predicts */
        get: operations["getModelEvaluation"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/models/{id}/evaluation/examples": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What it predicted for each example it was measured on
         * @description The mistakes it was surest of: `wrong=true&order=confidence`.
         */
        get: operations["listModelEvaluationExamples"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/models/{id}/files": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the files of a model */
        get: operations["listModelFiles"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/models/{id}/files/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Download a file of a model */
        get: operations["downloadModelFile"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/aliases": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List aliases */
        get: operations["listAliases"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/aliases/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get an alias */
        get: operations["getAlias"];
        /**
         * Point an alias at a model
         * @description Predictions follow at once; through other processes of the API, within a second.
         */
        put: operations["putAlias"];
        post?: never;
        /** Delete an alias */
        delete: operations["deleteAlias"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Prometheus metrics */
        get: operations["getMetrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/datasets/{id}/content": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Upload a new revision
         * @description The raw archive as the body. `Repr-Digest: sha-256=:<base64>:` is checked where it is sent. Columns that the query names take the place of all that were named before; where it names none, those stay.
         */
        put: operations["replaceDatasetContent"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** End a job for good */
        post: operations["cancelJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{id}/pause": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Give the job back; it keeps its place */
        post: operations["pauseJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{id}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Go on with a paused job */
        post: operations["resumeJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{id}/stop": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** End training early with the best so far */
        post: operations["stopJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{id}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Try a failed job again, as a new job */
        post: operations["retryJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/models/{id}/predict": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Predict, with a model or an alias */
        post: operations["predict"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List API keys */
        get: operations["listKeys"];
        put?: never;
        /** Make an API key */
        post: operations["createKey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/keys/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Revoke an API key */
        delete: operations["deleteKey"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @enum {string} */
        ContentState: "receiving" | "checking" | "ready" | "invalid";
        /**
         * @description Stable; programs compare this one.
         * @enum {string}
         */
        ErrorCode: "request-malformed" | "request-invalid" | "credentials-missing" | "credentials-invalid" | "scope-missing" | "not-found" | "method-not-allowed" | "state-conflict" | "name-taken" | "idempotency-conflict" | "idempotency-in-progress" | "in-use" | "too-large" | "media-type-unsupported" | "dataset-invalid" | "dataset-not-ready" | "base-invalid" | "base-not-ready" | "base-unfit" | "job-impossible" | "input-invalid" | "upload-incomplete" | "digest-mismatch" | "archive-invalid" | "hub-not-found" | "hub-denied" | "hub-unreachable" | "storage-full" | "rate-limited" | "overloaded" | "unavailable" | "worker-lost" | "training-crashed" | "out-of-memory" | "parity-failed" | "deadline-exceeded" | "internal";
        /** @enum {string} */
        JobState: "queued" | "preparing" | "running" | "evaluating" | "publishing" | "pausing" | "paused" | "cancelling" | "succeeded" | "failed" | "cancelled";
        /** @description RFC 9457 problem document. */
        Problem: {
            /** @description `urn:graft:error:<code>` */
            type: string;
            title: string;
            status: number;
            code: components["schemas"]["ErrorCode"];
            /** @description What went wrong, where, and how to mend it. */
            detail: string;
            errors?: components["schemas"]["ProblemItem"][];
            /** @description The address that was asked. */
            instance?: string;
            requestId?: string;
        };
        ProblemItem: {
            /** @description JSON pointer into the request, path inside an archive, row number, or address of what stands in the way. */
            path: string;
            code: string;
            detail: string;
        };
        /** @enum {string} */
        Split: "train" | "validation" | "test";
        /** @description Why it failed. */
        StoredProblem: {
            type: string;
            title: string;
            code: components["schemas"]["ErrorCode"];
            detail: string;
            errors?: components["schemas"]["ProblemItem"][];
        };
        /** @enum {string} */
        Task: "image-classification" | "object-detection" | "text-classification" | "translation";
        /** @description `columns`: what the upload named, null unless it did. `waiting`, while it is `checking`: why the last try of its check could not be finished (a full disk); it is tried again by itself. */
        Dataset: {
            /** @enum {string} */
            object: "dataset";
            id: string;
            name: string;
            task: components["schemas"]["Task"];
            state: components["schemas"]["ContentState"];
            revision: components["schemas"]["DatasetRevision"] | null;
            columns: components["schemas"]["DatasetColumns"] | null;
            summary: components["schemas"]["DatasetSummary"] | null;
            error: components["schemas"]["StoredProblem"] | null;
            waiting: components["schemas"]["StoredProblem"] | null;
            /** Format: date-time */
            createdAt: string;
        };
        /** @description As they were named, by name or number; null: found out by checking. */
        DatasetColumns: {
            text: string | null;
            label: string | null;
            split: string | null;
        };
        /** @description A small text dataset. */
        DatasetFromExamples: {
            name: string;
            task: components["schemas"]["Task"];
            examples: components["schemas"]["TextExample"][];
        };
        DatasetList: {
            /** @enum {string} */
            object: "list";
            data: components["schemas"]["Dataset"][];
            hasMore: boolean;
            /** @description Give it as `after` to go on from here. */
            nextCursor: string | null;
        };
        DatasetReport: {
            /** @enum {string} */
            object: "dataset.report";
            /** @description Of the dataset. */
            id: string;
            revision: number;
            state: components["schemas"]["ContentState"];
            error: components["schemas"]["StoredProblem"] | null;
            /** @description What the archive was found to be. */
            format: string | null;
            summary: components["schemas"]["DatasetSummary"] | null;
            rejected: components["schemas"]["RejectedExample"][];
            duplicates: components["schemas"]["DuplicateGroup"][];
            leaks: components["schemas"]["Leak"][];
            notes: string[];
            estimate: components["schemas"]["JobEstimate"] | null;
        };
        DatasetRevision: {
            number: number;
            digest: string | null;
            bytes: number;
        };
        DatasetSummary: {
            examples: number;
            labels: components["schemas"]["LabelCount"][];
            splits: components["schemas"]["SplitCount"];
            rejected: number;
            duplicates: number;
            leaks: number;
        };
        DatasetUpload: {
            name: string;
            task: components["schemas"]["Task"];
            /** @description Column of a table that holds the texts: its name, or its number from 1. Only for text-classification; found out where it is left out. */
            textColumn?: string;
            /** @description Column of a table that holds the labels: its name, or its number from 1. Only for text-classification; found out where it is left out. Naming it also answers the question that checking asks of a column that hardly looks like labels; `folder` answers it for folders of .txt. */
            labelColumn?: string;
            /** @description Column of a table that says train, validation or test: its name, or its number from 1. Only for text-classification; found out where it is left out. */
            splitColumn?: string;
            /**
             * Format: binary
             * @description The archive.
             */
            file: string;
        };
        DuplicateGroup: {
            /** @enum {string} */
            kind: "exact" | "near";
            paths: string[];
        };
        /** @description What a job on this dataset would take. */
        JobEstimate: {
            examples: number;
            seconds: number;
            bytes: number;
        };
        Example: {
            /** @enum {string} */
            object: "example";
            index: number;
            path: string;
            label: string | null;
            split: components["schemas"]["Split"] | null;
            bytes: number;
            digest: string | null;
            width: number | null;
            height: number | null;
            problem: components["schemas"]["ExampleProblem"] | null;
        };
        ExampleList: {
            /** @enum {string} */
            object: "list";
            data: components["schemas"]["Example"][];
            hasMore: boolean;
            /** @description Give it as `after` to go on from here. */
            nextCursor: string | null;
        };
        ExampleProblem: {
            code: string;
            detail: string;
        };
        LabelCount: {
            name: string;
            train: number;
            validation: number;
            test: number;
        };
        Leak: {
            /** @enum {string} */
            kind: "exact" | "near";
            train: string;
            other: string;
            split: components["schemas"]["Split"];
        };
        RejectedExample: {
            path: string;
            code: string;
            detail: string;
        };
        SplitCount: {
            train: number;
            validation: number;
            test: number;
        };
        TextExample: {
            text: string;
            label: string;
            split?: components["schemas"]["Split"];
        };
        /** @description What stands on the content is empty or null until the base is `ready`. `source`: the repository that it is fetched from, null for others; `progress`: how many bytes of it are here, while it is `receiving`. `waiting`, while it is `receiving` or `checking`: why the last try could not be finished (a full disk, a hub that stopped answering); it is tried again by itself. */
        Base: {
            /** @enum {string} */
            object: "base";
            id: string;
            name: string;
            state: components["schemas"]["ContentState"];
            digest: string | null;
            bytes: number;
            opset: number | null;
            license: string | null;
            inputs: components["schemas"]["TensorInfo"][];
            outputs: components["schemas"]["TensorInfo"][];
            preprocessing: components["schemas"]["Preprocessing"] | null;
            preprocessingSource: string | null;
            text: components["schemas"]["TextInput"] | null;
            cuts: components["schemas"]["BaseCut"][];
            parameters: number | null;
            training: components["schemas"]["TrainingSupport"] | null;
            tasks: components["schemas"]["Task"][];
            /** @description How it came about, step by step: the nearest model first, then the model that its base was made from, and so on; the base of the last link was uploaded. Empty for a base that was uploaded. What a link names may have been deleted meanwhile. */
            lineage: components["schemas"]["LineageLink"][];
            source: components["schemas"]["HubSource"] | null;
            progress: components["schemas"]["ReceivedBytes"] | null;
            notes: string[];
            error: components["schemas"]["StoredProblem"] | null;
            waiting: components["schemas"]["StoredProblem"] | null;
            /** Format: date-time */
            createdAt: string;
        };
        /** @description A tensor at which the base can be cut for features. By `kind`: `pooled` is averaged over places or tokens, `token` the one token that a classifier reads, `hidden` the output of an inner fully connected layer, `logits` the classifier's own, `flattened` a whole map as one row; `map` and `tokens` are averaged when cut. */
        BaseCut: {
            tensor: string;
            kind: string;
            features: number;
            default: boolean;
        };
        BaseFromElsewhere: {
            /** @description `org/name` on the model hub that the service is set to (`GRAFT_HUB_URL`). Its `onnx/model.onnx`, else `model.onnx`, else its only .onnx file is fetched, with the tokenizer and settings beside it or above. */
            hub?: string;
            /** @description Of `hub`: a branch, a tag or a commit; left out, `main`. Pinned to the commit that it is. */
            revision?: string;
            /** @description Id or alias of a model of this service, whose exported graph becomes a base. Only what training changed is stored; while the base is there, the model cannot be deleted. */
            model?: string;
            /** @description Unique; left out, the model's name or else its id; the repository's name. */
            name?: string;
        };
        BaseList: {
            /** @enum {string} */
            object: "list";
            data: components["schemas"]["Base"][];
            hasMore: boolean;
            /** @description Give it as `after` to go on from here. */
            nextCursor: string | null;
        };
        BaseUpload: {
            /** @description Unique; letters, digits, spaces and . _ + @ ( ) - */
            name: string;
            /**
             * Format: binary
             * @description An .onnx file, or a zip of a hub folder.
             */
            file: string;
        };
        /** @description A repository of a model hub. */
        HubSource: {
            hub: string;
            /** @description As it was asked for. */
            revision: string;
            /** @description What the revision was when the download began; every file is taken from there. null until it is known. */
            commit: string | null;
        };
        LineageBase: {
            id: string;
            name: string;
            digest: string;
        };
        LineageDataset: {
            id: string;
            revision: number;
            name: string;
            digest: string | null;
        };
        /** @description One step of transfer: a model, the job that made it, and what that was trained on. */
        LineageLink: {
            model: string;
            /** @description Of the model. */
            name: string | null;
            job: string;
            method: components["schemas"]["ChosenMethod"];
            dataset: components["schemas"]["LineageDataset"];
            base: components["schemas"]["LineageBase"];
        };
        /** @description (pixel * scale - mean) / std */
        Preprocessing: {
            /** @description The short side is resized to this many pixels. */
            resize: number;
            /** @description Then the centre of this size is cut out. */
            crop: number;
            /** @enum {string} */
            layout: "NCHW" | "NHWC";
            /** @enum {string} */
            channels: "RGB" | "BGR" | "GRAY";
            scale: number;
            mean: number[];
            std: number[];
        };
        ReceivedBytes: {
            done: number;
            total: number;
        };
        /** @description A dimension that is a text may be of any size. */
        TensorInfo: {
            name: string;
            type: string;
            shape: (number | string)[];
        };
        /** @description How texts are prepared for the base. */
        TextInput: {
            inputs: components["schemas"]["TextInputs"];
            /** @description Most tokens of one text, special ones included. */
            maxLength: number;
            padId: number;
            /** @description Tokens that the tokenizer knows. */
            vocabulary: number;
            /**
             * @description How the vectors of a text's tokens become one.
             * @enum {string}
             */
            pooling: "mean" | "cls" | "max";
            windows?: components["schemas"]["TextWindows"];
        };
        /** @description Inputs of the graph by role; each takes whole numbers [N, L]. */
        TextInputs: {
            ids: string;
            mask: string | null;
            types: string | null;
        };
        /** @description How a text longer than `maxLength` is read: in windows of that length. */
        TextWindows: {
            /** @description Of the text's own tokens, how many two neighbours share. */
            overlap: number;
            /** @description Windows of one text at most; what lies behind is left out. */
            most: number;
        };
        /** @description Whether the layers of the base itself can be trained. */
        TrainingSupport: {
            supported: boolean;
            unsupportedOperators: string[];
        };
        BasePin: {
            id: string;
            digest: string;
        };
        ChosenMethod: {
            /** @enum {string} */
            type: "featureExtraction" | "fineTuning" | "scratch";
            /** @description One of the base's cuts. */
            cut?: string;
            /** @description fineTuning: the last n layers that have parameters, besides the head; left out, all. */
            layers?: "all" | number;
        };
        DatasetPin: {
            id: string;
            revision: number;
        };
        Engine: {
            /** @enum {string} */
            executor: "onnxruntime" | "tensorflow";
            version: string;
            device: string;
        };
        /** @description From `optimizer` on: of fineTuning and scratch only. */
        Hyperparameters: {
            /** @description Passes over the training split. */
            epochs: "auto" | number;
            /** @description Step size. featureExtraction whose batches are drawn: the first step's; it falls to nothing in a line. */
            learningRate: "auto" | number;
            /** @description Examples a step. */
            batchSize: "auto" | number;
            /** @description fineTuning and scratch: decoupled decay, a step takes learningRate times this of every weight away (AdamW), biases and normalisation excepted. featureExtraction: an L2 penalty, this / 2 times the squared weights on standardised features, so that the head has one optimum whatever the steps. */
            weightDecay: "auto" | number;
            /** @description Share of every target that is spread evenly over all labels. */
            labelSmoothing: "auto" | number;
            seed: number;
            /** @description What an example counts in the loss, by its label: `balanced` gives every label the same in all; of given weights only the ratios count, a label left out has 1. `auto`: balanced where one label has at least five times the examples of another. */
            classWeights?: ("auto" | "none" | "balanced") | {
                [key: string]: number;
            };
            /**
             * @description Of texts longer than the base reads: `truncate` leaves their end out; `windows` reads them in overlapping windows, whose logits are averaged, weighted by the windows' tokens. `auto`: windows where more than a tenth of the texts are longer.
             * @enum {string}
             */
            longText?: "auto" | "truncate" | "windows";
            /**
             * @description Of texts: how the vectors of a text's tokens become one. `auto`: as the base was trained (its `1_Pooling/config.json`, or a classifier of its own on the first token); where it does not say, what does best in cross-validation inside the training examples.
             * @enum {string}
             */
            pooling?: "auto" | "mean" | "cls" | "max";
            /**
             * @description AdamW, or gradient descent with momentum 0.9.
             * @enum {string}
             */
            optimizer?: "auto" | "adamw" | "sgd";
            /**
             * @description How the learning rate falls after the warm-up.
             * @enum {string}
             */
            schedule?: "auto" | "cosine" | "linear" | "constant";
            /** @description Share of the steps over which the learning rate rises. */
            warmup?: "auto" | number;
            /** @description Most Euclidean norm of all gradients together; 0: no limit. */
            gradientClip?: "auto" | number;
            /** @description Discriminative learning rates: each layer's is this times the next one's above it. */
            layerDecay?: "auto" | number;
            /** @description Epochs without a better validation result after which training ends. */
            patience?: "auto" | number;
            /**
             * @description Whether BatchNormalization goes by each batch's statistics or keeps the base's.
             * @enum {string}
             */
            batchNorm?: "auto" | "live" | "frozen";
            /**
             * @description How the training pictures are varied.
             * @enum {string}
             */
            augmentation?: "auto" | "none" | "light" | "medium" | "strong";
            /** @description Examples of one pass; the gradients of as many passes as a batch takes are added up to one step. The same mathematics as one pass where no BatchNormalization goes by its batch. `auto`: the whole batch, or the largest that fits into memory. */
            microBatch?: "auto" | number;
            /**
             * @description gradual: layers come in from the head down over the first half of the epochs; those that wait keep their values, their gradients are computed.
             * @enum {string}
             */
            unfreezing?: "auto" | "none" | "gradual";
            /** @description Exponential moving average of all weights: the share that a step leaves of it; 0: none is kept. */
            averageDecay?: "auto" | number;
            /**
             * @description When the average becomes the model: where it is better on validation than the weights that were trained, or always. `auto`: better.
             * @enum {string}
             */
            averageUse?: "auto" | "better" | "always";
            /** @description Share of the features that the head does not see in a step, drawn anew for every example. `auto`: 0.1 for texts, 0 for pictures. */
            dropout?: "auto" | number;
            /** @description Share of what each attention and feed-forward block of an encoder adds that is left out in a step, drawn anew for every example and token: the dropout of BERT's own training, which exporters leave out. `auto`: 0. */
            layerDropout?: "auto" | number;
            /**
             * @description Of texts: whether the words' vectors are trained with the layers. `auto`: frozen, but with 20,000 texts or more and from scratch.
             * @enum {string}
             */
            embeddings?: "auto" | "frozen" | "trained";
            /**
             * @description What a training step computes in. `mixed`: convolutions and matrix products in bfloat16 with sums, normalisation, softmax, loss, weights and moments in float32; only the engine tensorflow has it. `auto`: float32.
             * @enum {string}
             */
            precision?: "auto" | "float32" | "mixed";
        };
        /** @description What is left out is chosen by the trainer (`auto`); `seed` is 0. */
        HyperparametersRequest: {
            /** @description Passes over the training split. */
            epochs?: "auto" | number;
            /** @description Step size. featureExtraction whose batches are drawn: the first step's; it falls to nothing in a line. */
            learningRate?: "auto" | number;
            /** @description Examples a step. */
            batchSize?: "auto" | number;
            /** @description fineTuning and scratch: decoupled decay, a step takes learningRate times this of every weight away (AdamW), biases and normalisation excepted. featureExtraction: an L2 penalty, this / 2 times the squared weights on standardised features, so that the head has one optimum whatever the steps. */
            weightDecay?: "auto" | number;
            /** @description Share of every target that is spread evenly over all labels. */
            labelSmoothing?: "auto" | number;
            seed?: number;
            /** @description What an example counts in the loss, by its label: `balanced` gives every label the same in all; of given weights only the ratios count, a label left out has 1. `auto`: balanced where one label has at least five times the examples of another. */
            classWeights?: ("auto" | "none" | "balanced") | {
                [key: string]: number;
            };
            /**
             * @description Of texts longer than the base reads: `truncate` leaves their end out; `windows` reads them in overlapping windows, whose logits are averaged, weighted by the windows' tokens. `auto`: windows where more than a tenth of the texts are longer.
             * @enum {string}
             */
            longText?: "auto" | "truncate" | "windows";
            /**
             * @description Of texts: how the vectors of a text's tokens become one. `auto`: as the base was trained (its `1_Pooling/config.json`, or a classifier of its own on the first token); where it does not say, what does best in cross-validation inside the training examples.
             * @enum {string}
             */
            pooling?: "auto" | "mean" | "cls" | "max";
            /**
             * @description AdamW, or gradient descent with momentum 0.9.
             * @enum {string}
             */
            optimizer?: "auto" | "adamw" | "sgd";
            /**
             * @description How the learning rate falls after the warm-up.
             * @enum {string}
             */
            schedule?: "auto" | "cosine" | "linear" | "constant";
            /** @description Share of the steps over which the learning rate rises. */
            warmup?: "auto" | number;
            /** @description Most Euclidean norm of all gradients together; 0: no limit. */
            gradientClip?: "auto" | number;
            /** @description Discriminative learning rates: each layer's is this times the next one's above it. */
            layerDecay?: "auto" | number;
            /** @description Epochs without a better validation result after which training ends. */
            patience?: "auto" | number;
            /**
             * @description Whether BatchNormalization goes by each batch's statistics or keeps the base's.
             * @enum {string}
             */
            batchNorm?: "auto" | "live" | "frozen";
            /**
             * @description How the training pictures are varied.
             * @enum {string}
             */
            augmentation?: "auto" | "none" | "light" | "medium" | "strong";
            /** @description Examples of one pass; the gradients of as many passes as a batch takes are added up to one step. The same mathematics as one pass where no BatchNormalization goes by its batch. `auto`: the whole batch, or the largest that fits into memory. */
            microBatch?: "auto" | number;
            /**
             * @description gradual: layers come in from the head down over the first half of the epochs; those that wait keep their values, their gradients are computed.
             * @enum {string}
             */
            unfreezing?: "auto" | "none" | "gradual";
            /** @description Exponential moving average of all weights: the share that a step leaves of it; 0: none is kept. */
            averageDecay?: "auto" | number;
            /**
             * @description When the average becomes the model: where it is better on validation than the weights that were trained, or always. `auto`: better.
             * @enum {string}
             */
            averageUse?: "auto" | "better" | "always";
            /** @description Share of the features that the head does not see in a step, drawn anew for every example. `auto`: 0.1 for texts, 0 for pictures. */
            dropout?: "auto" | number;
            /** @description Share of what each attention and feed-forward block of an encoder adds that is left out in a step, drawn anew for every example and token: the dropout of BERT's own training, which exporters leave out. `auto`: 0. */
            layerDropout?: "auto" | number;
            /**
             * @description Of texts: whether the words' vectors are trained with the layers. `auto`: frozen, but with 20,000 texts or more and from scratch.
             * @enum {string}
             */
            embeddings?: "auto" | "frozen" | "trained";
            /**
             * @description What a training step computes in. `mixed`: convolutions and matrix products in bfloat16 with sums, normalisation, softmax, loss, weights and moments in float32; only the engine tensorflow has it. `auto`: float32.
             * @enum {string}
             */
            precision?: "auto" | "float32" | "mixed";
        };
        Job: {
            /** @enum {string} */
            object: "job";
            id: string;
            name: string | null;
            state: components["schemas"]["JobState"];
            attempt: number;
            task: components["schemas"]["Task"];
            dataset: components["schemas"]["DatasetPin"];
            base: components["schemas"]["BasePin"];
            method: components["schemas"]["ChosenMethod"];
            hyperparameters: components["schemas"]["Hyperparameters"];
            validation: components["schemas"]["Validation"] | null;
            metadata: {
                [key: string]: string;
            };
            progress: components["schemas"]["Progress"] | null;
            metrics: components["schemas"]["Metrics"];
            engine: components["schemas"]["Engine"] | null;
            memory: components["schemas"]["JobMemory"] | null;
            model: string | null;
            retryOf: string | null;
            error: components["schemas"]["StoredProblem"] | null;
            /** Format: date-time */
            createdAt: string;
            startedAt: string | null;
            finishedAt: string | null;
        };
        JobEvent: {
            /** @enum {string} */
            object: "event";
            id: string;
            job: string;
            /** @enum {string} */
            type: "state" | "progress" | "metric" | "log";
            /** @enum {string} */
            level: "info" | "warning" | "error";
            message: string;
            data: {
                [key: string]: unknown;
            };
            /** Format: date-time */
            createdAt: string;
        };
        JobEventList: {
            /** @enum {string} */
            object: "list";
            data: components["schemas"]["JobEvent"][];
            hasMore: boolean;
            /** @description Give it as `after` to go on from here. */
            nextCursor: string | null;
        };
        JobList: {
            /** @enum {string} */
            object: "list";
            data: components["schemas"]["Job"][];
            hasMore: boolean;
            /** @description Give it as `after` to go on from here. */
            nextCursor: string | null;
        };
        /** @description Of fineTuning and scratch, in bytes. `estimate`, before the first step: the process with the engine, the trained numbers and their gradients, what the optimizer keeps and copies, what a pass keeps for its way back, decoded pictures. `available`: what could be used when the run began. `peak`: the most that the process held, once the run is over. */
        JobMemory: {
            estimate: {
                process: number;
                parameters: number;
                optimizer: number;
                activations: number;
                pictures: number;
                total: number;
            };
            available: number;
            peak: number | null;
        };
        JobMetric: {
            /** @enum {string} */
            object: "metric";
            name: string;
            step: number;
            value: number;
            attempt: number;
            /** Format: date-time */
            createdAt: string;
        };
        JobMetricList: {
            /** @enum {string} */
            object: "list";
            data: components["schemas"]["JobMetric"][];
            hasMore: boolean;
            /** @description Give it as `after` to go on from here. */
            nextCursor: string | null;
        };
        JobRequest: {
            name?: string;
            task: components["schemas"]["Task"];
            /** @description Id of a dataset that is `ready`. */
            dataset: string;
            /** @description Id, name or digest. Left out: the installation's own base for the task (images: photo-small, texts: text-small). */
            base?: string;
            method?: components["schemas"]["Method"];
            hyperparameters?: components["schemas"]["HyperparametersRequest"];
            validation?: components["schemas"]["Validation"];
            /**
             * @description Left out or `auto`: a GPU where there is one, else what is fastest for the method and the task. A job that names an engine waits for a worker that has it (`GET /v1/engines`).
             * @enum {string}
             */
            engine?: "auto" | "onnxruntime" | "tensorflow";
            metadata?: {
                [key: string]: string;
            };
        };
        /** @description Left out: `featureExtraction`, a linear head on the base as it is. `fineTuning` trains the last layers, or all, with the head; `scratch` the same network from fresh weights, as a baseline. */
        Method: {
            /** @enum {string} */
            type: "featureExtraction" | "fineTuning" | "scratch";
            /** @description One of the base's cuts. */
            cut?: string;
            /** @description fineTuning: the last n layers that have parameters, besides the head; left out, all. */
            layers?: "all" | number;
        };
        Metrics: {
            [key: string]: number;
        };
        Progress: {
            phase: string;
            done: number;
            total: number;
            /** @description 0 to 1 over the whole job; never falls within an attempt. */
            fraction: number;
            etaSeconds: number | null;
        };
        /** @description What to do otherwise than the failed job: a smaller `learningRate` after a run that diverged, for one. Rates, schedule, decay, clipping, epochs and patience may change and the run still goes on from the checkpoint that was kept; with anything else it begins anew. */
        RetryRequest: {
            hyperparameters?: components["schemas"]["HyperparametersRequest"];
        };
        Validation: {
            fraction: number;
        };
        Base64Image: {
            base64: string;
        };
        /** @description Always answering the most frequent class of the training examples. */
        Baseline: {
            label: string;
            accuracy: number;
        };
        /** @description Of two labels. Precision, recall and F1 are those of `positive` at the threshold. */
        BinaryScore: {
            /** @description The label whose probability is meant: the second. */
            positive: string;
            rocAuc: number | null;
            /** @description Probability of `positive` from which on F1 is largest on the validation split, or the wished precision is met. */
            threshold: number;
            precision: number;
            recall: number;
            f1: number;
        };
        Calibration: {
            ece: number;
            bins: components["schemas"]["CalibrationBin"][];
        };
        CalibrationBin: {
            low: number;
            high: number;
            count: number;
            confidence: number | null;
            accuracy: number | null;
        };
        /** @description The exported file, loaded afresh, gave the trainer's outputs on these inputs, within the tolerance. */
        Certificate: {
            inputs: components["schemas"]["CertificateInput"][];
            maxDifference: number;
            tolerance: number;
            exportDigest: string;
            engines: components["schemas"]["CertificateEngines"];
            verifiedAt: string;
        };
        CertificateEngines: {
            trainer: components["schemas"]["Engine"];
            verifier: components["schemas"]["Engine"];
        };
        CertificateInput: {
            path: string;
            digest: string;
        };
        ClassScore: {
            label: string;
            support: number;
            predicted: number;
            precision: number;
            recall: number;
            f1: number;
        };
        /** @description Rows are actual classes, columns predicted ones. */
        Confusion: {
            labels: string[];
            matrix: number[][];
        };
        /** @description How the model did on the validation split, which it was not trained on. */
        Evaluation: {
            /** @enum {string} */
            object: "evaluation";
            /** @description Of the model. */
            id: string;
            examples: number;
            accuracy: number;
            accuracyInterval: components["schemas"]["Interval"];
            baseline: components["schemas"]["Baseline"];
            /** @description Mean of -ln p(actual class). */
            logLoss: number;
            calibration: components["schemas"]["Calibration"];
            classes: components["schemas"]["ClassScore"][];
            macro: components["schemas"]["MacroScore"];
            confusion: components["schemas"]["Confusion"];
            /**
             * @description Where the examples came from.
             * @enum {string}
             */
            validation: "own split" | "drawn";
            test?: components["schemas"]["Measurement"];
            tokens?: components["schemas"]["TokenReport"];
            binary?: components["schemas"]["BinaryScore"];
        };
        EvaluationExample: {
            /** @enum {string} */
            object: "evaluation.example";
            index: number;
            path: string;
            split: components["schemas"]["Split"];
            actual: string;
            predicted: string;
            probability: number;
            probabilities: number[];
            /** @description What a text begins with; null for other examples. */
            excerpt: string | null;
        };
        EvaluationExampleList: {
            /** @enum {string} */
            object: "list";
            data: components["schemas"]["EvaluationExample"][];
            hasMore: boolean;
            /** @description Give it as `after` to go on from here. */
            nextCursor: string | null;
        };
        Interval: {
            low: number;
            high: number;
            level: number;
        };
        LabelProbability: {
            label: string;
            probability: number;
        };
        /** @description Means over the classes. */
        MacroScore: {
            precision: number;
            recall: number;
            f1: number;
        };
        Measurement: {
            examples: number;
            accuracy: number;
            accuracyInterval: components["schemas"]["Interval"];
            baseline: components["schemas"]["Baseline"];
            /** @description Mean of -ln p(actual class). */
            logLoss: number;
            calibration: components["schemas"]["Calibration"];
            classes: components["schemas"]["ClassScore"][];
            macro: components["schemas"]["MacroScore"];
            confusion: components["schemas"]["Confusion"];
            binary?: components["schemas"]["BinaryScore"];
        };
        Model: {
            /** @enum {string} */
            object: "model";
            id: string;
            name: string | null;
            task: components["schemas"]["Task"];
            job: string;
            dataset: components["schemas"]["DatasetPin"];
            base: components["schemas"]["BasePin"];
            method: components["schemas"]["ChosenMethod"];
            cut: string;
            labels: string[];
            preprocessing: {
                /** @description The short side is resized to this many pixels. */
                resize: number;
                /** @description Then the centre of this size is cut out. */
                crop: number;
                /** @enum {string} */
                layout: "NCHW" | "NHWC";
                /** @enum {string} */
                channels: "RGB" | "BGR" | "GRAY";
                scale: number;
                mean: number[];
                std: number[];
            } | null;
            text: {
                inputs: components["schemas"]["TextInputs"];
                /** @description Most tokens of one text, special ones included. */
                maxLength: number;
                padId: number;
                /** @description Tokens that the tokenizer knows. */
                vocabulary: number;
                /**
                 * @description How the vectors of a text's tokens become one.
                 * @enum {string}
                 */
                pooling: "mean" | "cls" | "max";
                windows?: components["schemas"]["TextWindows"];
            } | null;
            metrics: components["schemas"]["Metrics"];
            certificate: components["schemas"]["Certificate"];
            /** @description How it came about, step by step: the nearest model first, then the model that its base was made from, and so on; the base of the last link was uploaded. Empty for a base that was uploaded. What a link names may have been deleted meanwhile. */
            lineage: components["schemas"]["LineageLink"][];
            /** Format: date-time */
            createdAt: string;
        };
        ModelFile: {
            /** @enum {string} */
            object: "file";
            name: string;
            bytes: number;
            digest: string;
            contentType: string;
        };
        ModelFileList: {
            /** @enum {string} */
            object: "list";
            data: components["schemas"]["ModelFile"][];
            hasMore: boolean;
            /** @description Give it as `after` to go on from here. */
            nextCursor: string | null;
        };
        ModelList: {
            /** @enum {string} */
            object: "list";
            data: components["schemas"]["Model"][];
            hasMore: boolean;
            /** @description Give it as `after` to go on from here. */
            nextCursor: string | null;
        };
        /** @description Either `image` or `text`, as the model takes. */
        PredictInput: {
            image?: components["schemas"]["Base64Image"];
            /** @description At most 1 MiB as UTF-8; beyond what the base reads it is cut off. */
            text?: string;
        };
        PredictRequest: {
            /** @description At most 256 images, or 1,000 texts. */
            inputs: components["schemas"]["PredictInput"][];
            /** @description How many labels, most probable first; 5 when left out. */
            top?: number;
            /** @description For models of two labels: the second one is predicted where its probability reaches this, else the first. Left out: the more probable one. */
            threshold?: number;
        };
        PredictUpload: {
            /** @description One or many images. */
            file: string[];
            /** @description How many labels, most probable first; 5 when left out. */
            top?: number;
            /** @description For models of two labels: the second one is predicted where its probability reaches this, else the first. Left out: the more probable one. */
            threshold?: number;
        };
        /** @description Either the prediction or, for an input that cannot be read, `error`. */
        Prediction: {
            label?: string;
            probability?: number;
            top?: components["schemas"]["LabelProbability"][];
            /**
             * @description The text was longer than the base reads; its end was left out.
             * @enum {boolean}
             */
            truncated?: true;
            /** @description The text was longer than the base reads at once: in how many windows it was read. */
            windows?: number;
            error?: components["schemas"]["Problem"];
        };
        PredictionResult: {
            /** @enum {string} */
            object: "prediction";
            model: string;
            predictions: components["schemas"]["Prediction"][];
            timing: components["schemas"]["PredictionTiming"];
        };
        PredictionTiming: {
            queueMs: number;
            batch: number;
            runMs: number;
        };
        TokenLengths: {
            median: number;
            p95: number;
            most: number;
        };
        /** @description How tokenizer and texts go together, over all examples of the job. */
        TokenReport: {
            texts: number;
            /** @description Tokens that the base reads at once, special ones included. */
            limit: number;
            /** @description Texts that are longer. */
            long?: number;
            /**
             * @description What became of them.
             * @enum {string}
             */
            longText?: "truncate" | "windows";
            /** @description Windows that all texts were read in. */
            windows?: number;
            /** @description Texts whose end was left out. */
            truncated: number;
            /** @description Share of the tokens that stand for what the tokenizer does not know. */
            unknownShare: number;
            lengths: components["schemas"]["TokenLengths"];
        };
        /** @description `id` is the name. */
        Alias: {
            /** @enum {string} */
            object: "alias";
            id: string;
            name: string;
            model: string;
            /** Format: date-time */
            createdAt: string;
        };
        AliasList: {
            /** @enum {string} */
            object: "list";
            data: components["schemas"]["Alias"][];
            hasMore: boolean;
            /** @description Give it as `after` to go on from here. */
            nextCursor: string | null;
        };
        AliasRequest: {
            model: string;
        };
        Key: {
            /** @enum {string} */
            object: "key";
            id: string;
            name: string;
            scopes: ("read" | "write" | "predict" | "admin")[];
            /** @description How the key begins. */
            prefix: string;
            /** Format: date-time */
            createdAt: string;
            lastUsedAt: string | null;
            expiresAt: string | null;
        };
        KeyList: {
            /** @enum {string} */
            object: "list";
            data: components["schemas"]["Key"][];
            hasMore: boolean;
            /** @description Give it as `after` to go on from here. */
            nextCursor: string | null;
        };
        /** @description `admin` may do everything; the other scopes stand each for themselves. */
        KeyRequest: {
            name: string;
            scopes: ("read" | "write" | "predict" | "admin")[];
            expiresAt?: string | null;
        };
        NewKey: {
            /** @enum {string} */
            object: "key";
            id: string;
            name: string;
            scopes: ("read" | "write" | "predict" | "admin")[];
            /** @description How the key begins. */
            prefix: string;
            /** Format: date-time */
            createdAt: string;
            lastUsedAt: string | null;
            expiresAt: string | null;
            /** @description The key itself, shown only in this answer; null when the answer is repeated for an Idempotency-Key. */
            secret: string | null;
        };
        Health: {
            /** @enum {string} */
            status: "ok";
        };
        Readiness: {
            /** @enum {string} */
            status: "ready";
            checks: {
                [key: string]: "up";
            };
        };
        WorkerEngine: {
            /** @enum {string} */
            object: "engine";
            /** @description The worker process that has it. */
            worker: string;
            /** @enum {string} */
            executor: "onnxruntime" | "tensorflow";
            /** @description tensorflow: whether it ran kernels when the worker last tried it. onnxruntime comes along and is not tried. */
            usable: boolean;
            version: string | null;
            device: string | null;
            reason: string | null;
            /** Format: date-time */
            checkedAt: string;
        };
        /** @description Empty: no worker has been heard of in the last half minute. */
        WorkerEngines: {
            /** @enum {string} */
            object: "list";
            data: components["schemas"]["WorkerEngine"][];
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    getHealth: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
        };
    };
    getReadiness: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Readiness"];
                };
            };
            /** @description A part is down */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getOpenapi: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The text */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/yaml": string;
                };
            };
        };
    };
    getDocs: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The text */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                };
            };
        };
    };
    listDatasets: {
        parameters: {
            query?: {
                /** @description How many at most. */
                limit?: number;
                /** @description Cursor: `nextCursor` of the page before. */
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DatasetList"];
                };
            };
            /** @description Not understood: malformed JSON, an unknown field, a bad type */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No key, or one that is not known */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The key lacks the scope */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests with this key; try again after `Retry-After` seconds */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something went wrong in the service */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too busy or a part is down; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createDataset: {
        parameters: {
            query?: never;
            header?: {
                /** @description Any string of yours; a repeated request with the same key and body gets the first answer and creates nothing. Kept for 24 hours. */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "multipart/form-data": components["schemas"]["DatasetUpload"];
                "application/json": components["schemas"]["DatasetFromExamples"];
            };
        };
        responses: {
            /** @description `columns`: what the upload named, null unless it did. `waiting`, while it is `checking`: why the last try of its check could not be finished (a full disk); it is tried again by itself. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Dataset"];
                };
            };
            /** @description Not understood: malformed JSON, an unknown field, a bad type */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No key, or one that is not known */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The key lacks the scope */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The state does not allow it */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too large; the problem says the limit */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The media type is not taken; the problem says which are */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Understood but impossible */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests with this key; try again after `Retry-After` seconds */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something went wrong in the service */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too busy or a part is down; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No space left */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getDataset: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description `columns`: what the upload named, null unless it did. `waiting`, while it is `checking`: why the last try of its check could not be finished (a full disk); it is tried again by itself. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Dataset"];
                };
            };
            /** @description Not understood: malformed JSON, an unknown field, a bad type */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No key, or one that is not known */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The key lacks the scope */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests with this key; try again after `Retry-After` seconds */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something went wrong in the service */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too busy or a part is down; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteDataset: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Deleted */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Not understood: malformed JSON, an unknown field, a bad type */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No key, or one that is not known */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The key lacks the scope */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The state does not allow it */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests with this key; try again after `Retry-After` seconds */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something went wrong in the service */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too busy or a part is down; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getDatasetReport: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DatasetReport"];
                };
            };
            /** @description Not understood: malformed JSON, an unknown field, a bad type */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No key, or one that is not known */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The key lacks the scope */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The state does not allow it */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests with this key; try again after `Retry-After` seconds */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something went wrong in the service */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too busy or a part is down; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listDatasetExamples: {
        parameters: {
            query?: {
                label?: string;
                split?: "train" | "validation" | "test";
                /** @description `true`: only rejected examples, `false`: only good ones, else: those with this code. */
                problem?: string;
                /** @description How many at most. */
                limit?: number;
                /** @description Cursor: `nextCursor` of the page before. */
                after?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ExampleList"];
                };
            };
            /** @description Not understood: malformed JSON, an unknown field, a bad type */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No key, or one that is not known */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The key lacks the scope */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests with this key; try again after `Retry-After` seconds */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something went wrong in the service */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too busy or a part is down; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listBases: {
        parameters: {
            query?: {
                /** @description How many at most. */
                limit?: number;
                /** @description Cursor: `nextCursor` of the page before. */
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BaseList"];
                };
            };
            /** @description Not understood: malformed JSON, an unknown field, a bad type */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No key, or one that is not known */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The key lacks the scope */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests with this key; try again after `Retry-After` seconds */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something went wrong in the service */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too busy or a part is down; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createBase: {
        parameters: {
            query?: never;
            header?: {
                /** @description Any string of yours; a repeated request with the same key and body gets the first answer and creates nothing. Kept for 24 hours. */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "multipart/form-data": components["schemas"]["BaseUpload"];
                "application/json": components["schemas"]["BaseFromElsewhere"];
            };
        };
        responses: {
            /** @description What stands on the content is empty or null until the base is `ready`. `source`: the repository that it is fetched from, null for others; `progress`: how many bytes of it are here, while it is `receiving`. `waiting`, while it is `receiving` or `checking`: why the last try could not be finished (a full disk, a hub that stopped answering); it is tried again by itself. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Base"];
                };
            };
            /** @description Not understood: malformed JSON, an unknown field, a bad type */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No key, or one that is not known */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The key lacks the scope */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The state does not allow it */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too large; the problem says the limit */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The media type is not taken; the problem says which are */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Understood but impossible */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests with this key; try again after `Retry-After` seconds */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something went wrong in the service */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too busy or a part is down; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No space left */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getBase: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What stands on the content is empty or null until the base is `ready`. `source`: the repository that it is fetched from, null for others; `progress`: how many bytes of it are here, while it is `receiving`. `waiting`, while it is `receiving` or `checking`: why the last try could not be finished (a full disk, a hub that stopped answering); it is tried again by itself. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Base"];
                };
            };
            /** @description Not understood: malformed JSON, an unknown field, a bad type */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No key, or one that is not known */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The key lacks the scope */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests with this key; try again after `Retry-After` seconds */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something went wrong in the service */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too busy or a part is down; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteBase: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Deleted */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Not understood: malformed JSON, an unknown field, a bad type */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No key, or one that is not known */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The key lacks the scope */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The state does not allow it */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests with this key; try again after `Retry-After` seconds */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something went wrong in the service */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too busy or a part is down; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listEngines: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Empty: no worker has been heard of in the last half minute. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WorkerEngines"];
                };
            };
            /** @description Not understood: malformed JSON, an unknown field, a bad type */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No key, or one that is not known */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The key lacks the scope */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests with this key; try again after `Retry-After` seconds */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something went wrong in the service */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too busy or a part is down; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listJobs: {
        parameters: {
            query?: {
                state?: "queued" | "preparing" | "running" | "evaluating" | "publishing" | "pausing" | "paused" | "cancelling" | "succeeded" | "failed" | "cancelled";
                task?: "image-classification" | "object-detection" | "text-classification" | "translation";
                /** @description How many at most. */
                limit?: number;
                /** @description Cursor: `nextCursor` of the page before. */
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobList"];
                };
            };
            /** @description Not understood: malformed JSON, an unknown field, a bad type */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No key, or one that is not known */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The key lacks the scope */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests with this key; try again after `Retry-After` seconds */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something went wrong in the service */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too busy or a part is down; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createJob: {
        parameters: {
            query?: never;
            header?: {
                /** @description Any string of yours; a repeated request with the same key and body gets the first answer and creates nothing. Kept for 24 hours. */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["JobRequest"];
            };
        };
        responses: {
            /** @description Done */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Not understood: malformed JSON, an unknown field, a bad type */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No key, or one that is not known */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The key lacks the scope */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The state does not allow it */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too large; the problem says the limit */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The media type is not taken; the problem says which are */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Understood but impossible */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests with this key; try again after `Retry-After` seconds */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something went wrong in the service */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too busy or a part is down; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Not understood: malformed JSON, an unknown field, a bad type */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No key, or one that is not known */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The key lacks the scope */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests with this key; try again after `Retry-After` seconds */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something went wrong in the service */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too busy or a part is down; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listJobMetrics: {
        parameters: {
            query?: {
                name?: string;
                /** @description How many at most. */
                limit?: number;
                /** @description Cursor: `nextCursor` of the page before. */
                after?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobMetricList"];
                };
            };
            /** @description Not understood: malformed JSON, an unknown field, a bad type */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No key, or one that is not known */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The key lacks the scope */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests with this key; try again after `Retry-After` seconds */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something went wrong in the service */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too busy or a part is down; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listJobEvents: {
        parameters: {
            query?: {
                /** @description How many at most. */
                limit?: number;
                /** @description Cursor: `nextCursor` of the page before. */
                after?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobEventList"];
                };
            };
            /** @description Not understood: malformed JSON, an unknown field, a bad type */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No key, or one that is not known */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The key lacks the scope */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests with this key; try again after `Retry-After` seconds */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something went wrong in the service */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too busy or a part is down; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listModels: {
        parameters: {
            query?: {
                /** @description How many at most. */
                limit?: number;
                /** @description Cursor: `nextCursor` of the page before. */
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ModelList"];
                };
            };
            /** @description Not understood: malformed JSON, an unknown field, a bad type */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No key, or one that is not known */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The key lacks the scope */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests with this key; try again after `Retry-After` seconds */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something went wrong in the service */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too busy or a part is down; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getModel: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Model"];
                };
            };
            /** @description Not understood: malformed JSON, an unknown field, a bad type */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No key, or one that is not known */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The key lacks the scope */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests with this key; try again after `Retry-After` seconds */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something went wrong in the service */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too busy or a part is down; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteModel: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Deleted */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Not understood: malformed JSON, an unknown field, a bad type */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No key, or one that is not known */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The key lacks the scope */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The state does not allow it */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests with this key; try again after `Retry-After` seconds */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something went wrong in the service */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too busy or a part is down; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getModelEvaluation: {
        parameters: {
            query?: {
                /** @description Of two labels: `binary` is told at the threshold that meets this precision of the second label on the validation split with the largest recall, instead of the one of the largest F1. */
                precision?: number;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description How the model did on the validation split, which it was not trained on. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Evaluation"];
                };
            };
            /** @description Not understood: malformed JSON, an unknown field, a bad type */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No key, or one that is not known */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The key lacks the scope */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests with this key; try again after `Retry-After` seconds */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something went wrong in the service */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too busy or a part is down; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listModelEvaluationExamples: {
        parameters: {
            query?: {
                actual?: string;
                predicted?: string;
                /** @description Only those predicted wrongly, or only those predicted rightly. */
                wrong?: boolean;
                /** @description By place in the dataset, which is the default, or the most confident predictions first. */
                order?: "index" | "confidence";
                /** @description How many at most. */
                limit?: number;
                /** @description Cursor: `nextCursor` of the page before. */
                after?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EvaluationExampleList"];
                };
            };
            /** @description Not understood: malformed JSON, an unknown field, a bad type */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No key, or one that is not known */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The key lacks the scope */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests with this key; try again after `Retry-After` seconds */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something went wrong in the service */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too busy or a part is down; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listModelFiles: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ModelFileList"];
                };
            };
            /** @description Not understood: malformed JSON, an unknown field, a bad type */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No key, or one that is not known */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The key lacks the scope */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests with this key; try again after `Retry-After` seconds */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something went wrong in the service */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too busy or a part is down; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    downloadModelFile: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The bytes of the file. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": string;
                };
            };
            /** @description You have it already */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Not understood: malformed JSON, an unknown field, a bad type */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No key, or one that is not known */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The key lacks the scope */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests with this key; try again after `Retry-After` seconds */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something went wrong in the service */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too busy or a part is down; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listAliases: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AliasList"];
                };
            };
            /** @description Not understood: malformed JSON, an unknown field, a bad type */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No key, or one that is not known */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The key lacks the scope */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests with this key; try again after `Retry-After` seconds */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something went wrong in the service */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too busy or a part is down; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getAlias: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description `id` is the name. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Alias"];
                };
            };
            /** @description Not understood: malformed JSON, an unknown field, a bad type */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No key, or one that is not known */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The key lacks the scope */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests with this key; try again after `Retry-After` seconds */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something went wrong in the service */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too busy or a part is down; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    putAlias: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AliasRequest"];
            };
        };
        responses: {
            /** @description `id` is the name. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Alias"];
                };
            };
            /** @description Not understood: malformed JSON, an unknown field, a bad type */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No key, or one that is not known */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The key lacks the scope */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too large; the problem says the limit */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The media type is not taken; the problem says which are */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Understood but impossible */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests with this key; try again after `Retry-After` seconds */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something went wrong in the service */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too busy or a part is down; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteAlias: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Deleted */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Not understood: malformed JSON, an unknown field, a bad type */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No key, or one that is not known */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The key lacks the scope */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests with this key; try again after `Retry-After` seconds */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something went wrong in the service */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too busy or a part is down; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getMetrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The text */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            /** @description Not understood: malformed JSON, an unknown field, a bad type */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No key, or one that is not known */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The key lacks the scope */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests with this key; try again after `Retry-After` seconds */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something went wrong in the service */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too busy or a part is down; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    replaceDatasetContent: {
        parameters: {
            query?: {
                /** @description Column of a table that holds the texts: its name, or its number from 1. Only for text-classification; found out where it is left out. */
                textColumn?: string;
                /** @description Column of a table that holds the labels: its name, or its number from 1. Only for text-classification; found out where it is left out. Naming it also answers the question that checking asks of a column that hardly looks like labels; `folder` answers it for folders of .txt. */
                labelColumn?: string;
                /** @description Column of a table that says train, validation or test: its name, or its number from 1. Only for text-classification; found out where it is left out. */
                splitColumn?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/octet-stream": string;
                "application/zip": string;
                "application/x-zip-compressed": string;
                "application/x-tar": string;
                "application/gzip": string;
                "application/x-gzip": string;
                "text/csv": string;
                "text/tab-separated-values": string;
                "application/jsonl": string;
                "application/x-ndjson": string;
            };
        };
        responses: {
            /** @description `columns`: what the upload named, null unless it did. `waiting`, while it is `checking`: why the last try of its check could not be finished (a full disk); it is tried again by itself. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Dataset"];
                };
            };
            /** @description Not understood: malformed JSON, an unknown field, a bad type */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No key, or one that is not known */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The key lacks the scope */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The state does not allow it */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too large; the problem says the limit */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The media type is not taken; the problem says which are */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Understood but impossible */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests with this key; try again after `Retry-After` seconds */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something went wrong in the service */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too busy or a part is down; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No space left */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    cancelJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Not understood: malformed JSON, an unknown field, a bad type */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No key, or one that is not known */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The key lacks the scope */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The state does not allow it */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests with this key; try again after `Retry-After` seconds */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something went wrong in the service */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too busy or a part is down; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    pauseJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Not understood: malformed JSON, an unknown field, a bad type */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No key, or one that is not known */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The key lacks the scope */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The state does not allow it */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests with this key; try again after `Retry-After` seconds */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something went wrong in the service */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too busy or a part is down; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    resumeJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Not understood: malformed JSON, an unknown field, a bad type */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No key, or one that is not known */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The key lacks the scope */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The state does not allow it */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests with this key; try again after `Retry-After` seconds */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something went wrong in the service */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too busy or a part is down; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    stopJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Not understood: malformed JSON, an unknown field, a bad type */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No key, or one that is not known */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The key lacks the scope */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The state does not allow it */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests with this key; try again after `Retry-After` seconds */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something went wrong in the service */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too busy or a part is down; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    retryJob: {
        parameters: {
            query?: never;
            header?: {
                /** @description Any string of yours; a repeated request with the same key and body gets the first answer and creates nothing. Kept for 24 hours. */
                "idempotency-key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["RetryRequest"];
            };
        };
        responses: {
            /** @description Done */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Not understood: malformed JSON, an unknown field, a bad type */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No key, or one that is not known */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The key lacks the scope */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The state does not allow it */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The media type is not taken; the problem says which are */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Understood but impossible */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests with this key; try again after `Retry-After` seconds */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something went wrong in the service */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too busy or a part is down; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    predict: {
        parameters: {
            query?: {
                /** @description How many labels, most probable first; 5 when left out. */
                top?: number;
                /** @description For models of two labels: the second one is predicted where its probability reaches this, else the first. Left out: the more probable one. */
                threshold?: number;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "multipart/form-data": components["schemas"]["PredictUpload"];
                "image/jpeg": string;
                "image/png": string;
                "image/webp": string;
                "application/json": components["schemas"]["PredictRequest"];
            };
        };
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PredictionResult"];
                };
            };
            /** @description Not understood: malformed JSON, an unknown field, a bad type */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No key, or one that is not known */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The key lacks the scope */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too large; the problem says the limit */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The media type is not taken; the problem says which are */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Understood but impossible */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests with this key; try again after `Retry-After` seconds */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something went wrong in the service */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too busy or a part is down; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listKeys: {
        parameters: {
            query?: {
                /** @description How many at most. */
                limit?: number;
                /** @description Cursor: `nextCursor` of the page before. */
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["KeyList"];
                };
            };
            /** @description Not understood: malformed JSON, an unknown field, a bad type */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No key, or one that is not known */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The key lacks the scope */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests with this key; try again after `Retry-After` seconds */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something went wrong in the service */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too busy or a part is down; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createKey: {
        parameters: {
            query?: never;
            header?: {
                /** @description Any string of yours; a repeated request with the same key and body gets the first answer and creates nothing. Kept for 24 hours. */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["KeyRequest"];
            };
        };
        responses: {
            /** @description Done */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewKey"];
                };
            };
            /** @description Not understood: malformed JSON, an unknown field, a bad type */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No key, or one that is not known */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The key lacks the scope */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The state does not allow it */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too large; the problem says the limit */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The media type is not taken; the problem says which are */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests with this key; try again after `Retry-After` seconds */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something went wrong in the service */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too busy or a part is down; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteKey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Revoked */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Not understood: malformed JSON, an unknown field, a bad type */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No key, or one that is not known */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The key lacks the scope */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests with this key; try again after `Retry-After` seconds */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something went wrong in the service */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too busy or a part is down; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
