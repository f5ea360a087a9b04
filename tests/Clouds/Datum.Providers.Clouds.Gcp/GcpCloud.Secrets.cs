using System.Globalization;
using System.Text.RegularExpressions;

namespace Datum.Providers.Clouds.Gcp;

/// <summary>Secret Manager: secrets, their versions and who may read them. It answers at once, without operations.</summary>
public sealed partial class GcpCloud
{
    private readonly SortedDictionary<string, SecretItem> _secrets = new(StringComparer.Ordinal);

    /// <summary>What is stored: name, bytes of its newest version and who may read it. For tests; the platform shows values only to those.</summary>
    public IReadOnlyList<(string Name, ReadOnlyMemory<byte> Latest, string Policy)> StoredSecrets
    {
        get
        {
            lock (_gate)
                return [.. _secrets.Select(s => (s.Key, (ReadOnlyMemory<byte>)(s.Value.Versions.LastOrDefault(v => v.State == "ENABLED")?.Data ?? []), s.Value.Policy.ToJsonString()))];
        }
    }

    private CloudResponse SecretRoute(CloudRequest request, string[] path)
    {
        if (path[0] != "secrets")
            throw SecretNotFound(request.Path);
        if (Knobs.Unreachable.Contains("global"))
            throw new GcpError(503, "UNAVAILABLE", "The service is currently unavailable.");
        if (path.Length == 1)
            return request.Method == "POST" ? CreateSecret(request) : ListSecrets(request);
        var (name, verb) = Split(path[1]);
        if (!_secrets.TryGetValue(name, out var secret))
        {
            Allow("secretmanager.secrets.get", name);
            throw SecretNotFound($"projects/{ProjectNumber}/secrets/{name}");
        }

        if (path.Length >= 3 && path[2] == "versions")
            return VersionRoute(secret, path);
        switch (request.Method, verb)
        {
            case ("GET", ""):
                Allow("secretmanager.secrets.get", name);
                return Json(secret.Body.DeepClone());
            case ("PATCH", ""):
                Allow("secretmanager.secrets.update", name);
                return PatchSecret(request, secret);
            case ("DELETE", ""):
                Allow("secretmanager.secrets.delete", name);
                CheckEtag(request.Parameter("etag"), secret);
                _secrets.Remove(name);
                return Json(new JsonObject());
            case ("POST", "addVersion"):
                Allow("secretmanager.versions.add", name);
                return AddVersion(ReadBody(request), secret);
            case ("GET", "getIamPolicy"):
                Allow("secretmanager.secrets.getIamPolicy", name);
                return Json(secret.Policy.DeepClone());
            case ("POST", "setIamPolicy"):
                Allow("secretmanager.secrets.setIamPolicy", name);
                secret.Policy = (JsonObject)(ReadBody(request)["policy"]?.DeepClone() ?? new JsonObject());
                secret.Policy["etag"] = Print(secret.Policy["bindings"]);
                secret.Policy["version"] ??= 1;
                return Json(secret.Policy.DeepClone());
            default:
                throw SecretNotFound(request.Path);
        }
    }

    private static (string Name, string Verb) Split(string segment) =>
        segment.IndexOf(':', StringComparison.Ordinal) is var colon and > 0 ? (segment[..colon], segment[(colon + 1)..]) : (segment, "");

    private static GcpError SecretNotFound(string what) => new(404, "NOT_FOUND", $"Secret [{what}] not found.");

    private CloudResponse CreateSecret(CloudRequest request)
    {
        Allow("secretmanager.secrets.create");
        var id = request.Parameter("secretId") ?? "";
        if (!SecretShape().IsMatch(id))
            throw new GcpError(400, "INVALID_ARGUMENT", $"The provided Secret ID [{id}] does not match the expected format [[a-zA-Z_0-9]+].");
        if (_secrets.ContainsKey(id))
            throw new GcpError(409, "ALREADY_EXISTS", $"Secret [projects/{ProjectNumber}/secrets/{id}] already exists.");
        if (Knobs.Quotas.TryGetValue("secrets", out var most) && _secrets.Count >= most)
            throw new GcpError(429, "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric 'Secrets' and limit 'Secrets per project' of service 'secretmanager.googleapis.com'.");
        if (_faults.FirstOrDefault(f => f.Collection == "secrets") is { Collection: not null } fault)
        {
            _faults.Remove(fault);
            // It has no operations: what fails is refused at once.
            throw new GcpError(409, "ABORTED", fault.Message);
        }

        var body = ReadBody(request);
        if (body["replication"] is null)
            throw new GcpError(400, "INVALID_ARGUMENT", "Field [secret.replication] is required.");
        body["name"] = $"projects/{ProjectNumber}/secrets/{id}";
        body["createTime"] = SecretStamp();
        var secret = new SecretItem { Name = id, Body = body, Created = _time.GetUtcNow(), ListedFrom = _time.GetUtcNow() + Knobs.ListLag };
        TouchSecret(secret);
        _secrets[id] = secret;
        return Json(body.DeepClone());
    }

    private CloudResponse ListSecrets(CloudRequest request)
    {
        Allow("secretmanager.secrets.list");
        var matches = Filters.Parse(request.Parameter("filter"));
        var size = Math.Max(1, Math.Min(int.TryParse(request.Parameter("pageSize"), NumberStyles.None, CultureInfo.InvariantCulture, out var n) && n > 0 ? n : 25000, Knobs.PageSize ?? 25000));
        string? after = null;
        if (request.Parameter("pageToken") is { Length: > 0 } token)
            after = token.StartsWith("after-", StringComparison.Ordinal) ? token[6..] : throw new GcpError(400, "INVALID_ARGUMENT", "Page token is invalid.");
        var all = _secrets.Values.Where(s => s.ListedFrom <= _time.GetUtcNow() && matches(s.Body) && (after is null || string.CompareOrdinal(s.Name, after) > 0)).ToList();
        var answer = new JsonObject { ["totalSize"] = all.Count };
        if (all.Count > 0)
            answer["secrets"] = new JsonArray([.. all.Take(size).Select(s => s.Body.DeepClone())]);
        if (all.Count > size)
            answer["nextPageToken"] = "after-" + all[size - 1].Name;
        return Json(answer);
    }

    private static CloudResponse PatchSecret(CloudRequest request, SecretItem secret)
    {
        var body = ReadBody(request);
        CheckEtag(body["etag"]?.ToString(), secret);
        foreach (var field in (request.Parameter("updateMask") ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries))
            secret.Body[field] = body[field]?.DeepClone();
        TouchSecret(secret);
        return Json(secret.Body.DeepClone());
    }

    private CloudResponse AddVersion(JsonObject body, SecretItem secret)
    {
        var payload = body["payload"] ?? throw new GcpError(400, "INVALID_ARGUMENT", "Field [payload] is required.");
        var data = Convert.FromBase64String(payload["data"]?.ToString() ?? "");
        if (data.Length > 65536)
            throw new GcpError(400, "INVALID_ARGUMENT", "The secret payload is larger than 65536 bytes.");
        var version = new SecretVersion { Number = secret.Versions.Count + 1, Data = data, Created = SecretStamp() };
        secret.Versions.Add(version);
        secret.Revision++;
        return Json(VersionBody(secret, version));
    }

    private CloudResponse VersionRoute(SecretItem secret, string[] path)
    {
        if (path.Length == 3)
        {
            Allow("secretmanager.versions.list", secret.Name);
            var answer = new JsonObject { ["totalSize"] = secret.Versions.Count };
            if (secret.Versions.Count > 0)
                answer["versions"] = new JsonArray([.. secret.Versions.AsEnumerable().Reverse().Select(v => VersionBody(secret, v))]);
            return Json(answer);
        }

        var (number, verb) = Split(path[3]);
        var version = (number == "latest" ? secret.Versions.LastOrDefault() : secret.Versions.FirstOrDefault(v => v.Number.ToString(CultureInfo.InvariantCulture) == number))
            ?? throw SecretNotFound($"projects/{ProjectNumber}/secrets/{secret.Name}/versions/{number}");
        switch (verb)
        {
            case "":
                Allow("secretmanager.versions.get", secret.Name);
                break;
            case "access":
                Allow("secretmanager.versions.access", secret.Name);
                if (version.State != "ENABLED")
                    throw new GcpError(400, "FAILED_PRECONDITION", $"Secret Version is in {version.State} state.");
                return Json(new JsonObject { ["name"] = VersionBody(secret, version)["name"]!.ToString(), ["payload"] = new JsonObject { ["data"] = Convert.ToBase64String(version.Data) } });
            case "destroy":
                Allow("secretmanager.versions.destroy", secret.Name);
                version.State = "DESTROYED";
                version.Data = [];
                secret.Revision++;
                break;
            default:
                throw SecretNotFound(string.Join('/', path));
        }

        return Json(VersionBody(secret, version));
    }

    private JsonObject VersionBody(SecretItem secret, SecretVersion version)
    {
        var body = new JsonObject
        {
            ["name"] = string.Create(CultureInfo.InvariantCulture, $"projects/{ProjectNumber}/secrets/{secret.Name}/versions/{version.Number}"),
            ["createTime"] = version.Created,
            ["state"] = version.State,
            ["etag"] = $"\"{version.Number:x}\"",
        };
        if (version.State == "DESTROYED")
            body["destroyTime"] = SecretStamp();
        return body;
    }

    private static void CheckEtag(string? sent, SecretItem secret)
    {
        if (!string.IsNullOrEmpty(sent) && sent != secret.Body["etag"]?.ToString())
            throw new GcpError(400, "FAILED_PRECONDITION", "The etag provided does not match the current etag.");
    }

    private static void TouchSecret(SecretItem secret)
    {
        secret.Revision++;
        secret.Body["etag"] = $"\"{secret.Revision + 1000:x}\"";
    }

    private string SecretStamp() => Now.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);

    [GeneratedRegex("^[a-zA-Z0-9_-]{1,255}$", RegexOptions.CultureInvariant)]
    private static partial Regex SecretShape();

    private sealed class SecretItem
    {
        public required string Name { get; init; }
        public required JsonObject Body { get; init; }
        public required DateTimeOffset Created { get; init; }
        public required DateTimeOffset ListedFrom { get; init; }
        public List<SecretVersion> Versions { get; } = [];
        public JsonObject Policy { get; set; } = new() { ["etag"] = "ACAB", ["version"] = 1 };
        public int Revision { get; set; }
    }

    private sealed class SecretVersion
    {
        public required int Number { get; init; }
        public required byte[] Data { get; set; }
        public required string Created { get; init; }
        public string State { get; set; } = "ENABLED";
    }
}
