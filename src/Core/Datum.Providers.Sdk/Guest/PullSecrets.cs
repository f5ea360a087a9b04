using System.Text.Json;

namespace Datum.Providers.Sdk;

/// <summary>Secrets of type dockerconfigjson, merged into one file of container credentials (containers-auth.json).</summary>
internal static class PullSecrets
{
    private const string Key = ".dockerconfigjson";

    /// <summary>The merged document, or null where there is no credential. Of two for one registry the first secret's counts, as for a kubelet.</summary>
    public static ReadOnlyMemory<byte>? Merge(GuestPlan plan, ImmutableArray<PayloadReference> secrets)
    {
        var entries = new SortedDictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var secret in secrets)
        {
            var path = $"sandbox.pullSecrets[{GuestFiles.Shown(secret.Name)}]";
            if (!secret.Secret)
                plan.Refuse(path, "Pull secrets are secrets, not config maps.");
            else if (plan.Payloads.Find(secret) is not { } contents)
            {
                if (!secret.Optional)
                    plan.Refuse(path, $"There is no secret '{GuestFiles.Shown(secret.Name)}'.");
            }
            else if (!contents.TryGetValue(Key, out var document))
                plan.Refuse(path, $"The secret has no key {Key}: its type must be kubernetes.io/dockerconfigjson.");
            else if (!Read(document, entries))
                plan.Refuse(path, $"{Key} is no JSON object with auths of user and password.");
        }
        if (entries.Count == 0)
            return null;
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteStartObject("auths");
            foreach (var (registry, entry) in entries)
            {
                json.WriteStartObject(registry);
                // podman reads "auth" and identity tokens alone; user and password apart are Docker's older spelling.
                if (Text(entry, "auth") is { Length: > 0 } auth)
                    json.WriteString("auth", auth);
                else if (Text(entry, "username") is { } user && Text(entry, "password") is { } password)
                    json.WriteBase64String("auth", System.Text.Encoding.UTF8.GetBytes($"{user}:{password}"));
                if (Text(entry, "identitytoken") is { } token)
                    json.WriteString("identitytoken", token);
                json.WriteEndObject();
            }
            json.WriteEndObject();
            json.WriteEndObject();
        }
        return stream.ToArray();
    }

    private static bool Read(ReadOnlyMemory<byte> document, SortedDictionary<string, JsonElement> entries)
    {
        try
        {
            using var json = JsonDocument.Parse(document);
            if (json.RootElement.ValueKind != JsonValueKind.Object || !json.RootElement.TryGetProperty("auths", out var auths) || auths.ValueKind != JsonValueKind.Object)
                return false;
            foreach (var entry in auths.EnumerateObject())
            {
                var complete = Text(entry.Value, "auth") is { Length: > 0 } || Text(entry.Value, "identitytoken") is not null
                    || (Text(entry.Value, "username") is not null && Text(entry.Value, "password") is not null);
                if (!complete)
                    return false;
                entries.TryAdd(Registry(entry.Name), entry.Value.Clone());
            }
            return true;
        }
        catch (JsonException)
        {
            // Its message could quote the secret.
            return false;
        }
        catch (InvalidOperationException)
        {
            // A text that isn't Unicode.
            return false;
        }
    }

    /// <summary>kubectl writes Docker Hub as a URL; podman wants the host.</summary>
    private static string Registry(string name)
    {
        var start = name.StartsWith("https://", StringComparison.Ordinal) ? 8 : name.StartsWith("http://", StringComparison.Ordinal) ? 7 : 0;
        var host = name[start..].TrimEnd('/');
        if (start > 0 && host.IndexOf('/', StringComparison.Ordinal) is > 0 and var slash)
            host = host[..slash];
        return host == "index.docker.io" ? "docker.io" : host;
    }

    private static string? Text(JsonElement entry, string name) =>
        entry.ValueKind == JsonValueKind.Object && entry.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
