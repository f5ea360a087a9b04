using System.Text;
using System.Text.Json;
using Datum.Providers.Drivers.Podman.Libpod;

namespace Datum.Providers.Drivers.Podman.Instances;

/// <summary>Credentials of one registry out of pull secrets, as the header X-Registry-Auth wants them.</summary>
internal static class RegistryAuth
{
    private const string Key = ".dockerconfigjson";

    /// <summary>The header's value, or null when no pull secret names the registry.</summary>
    public static async ValueTask<(string? Header, DriverError? Error)> ReadAsync(Call call, ImmutableArray<PayloadReference> pullSecrets, string registry)
    {
        for (var i = 0; i < pullSecrets.Length; i++)
        {
            var field = $"sandbox.pullSecrets[{i}]";
            if (call.Payloads is not { } source)
                return (null, new DriverError { Code = ErrorCode.Bug, Effect = Effect.NotApplied, Field = field, Message = "The call lends no reader for payloads." });
            var contents = await source.ReadAsync(pullSecrets[i], call.Cancellation);
            if (contents is null && pullSecrets[i].Optional)
                continue;
            if (contents is null || !contents.TryGetValue(Key, out var json))
                return (null, Wrong(field, $"'{pullSecrets[i].Name}' has no {Key}."));
            try
            {
                if (Find(json, registry) is { } credential)
                    return (Convert.ToBase64String(JsonSerializer.SerializeToUtf8Bytes(credential, LibpodJson.Default.RegistryCredential)).Replace('+', '-').Replace('/', '_'), null);
            }
            catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
            {
                // Not the exception's text: it may quote the secret.
                return (null, Wrong(field, $"'{pullSecrets[i].Name}' isn't in the form of a Docker configuration."));
            }
        }

        return (null, null);
    }

    private static RegistryCredential? Find(ReadOnlyMemory<byte> json, string registry)
    {
        using var document = JsonDocument.Parse(json);
        if (!document.RootElement.TryGetProperty("auths", out var auths))
            return null;
        foreach (var entry in auths.EnumerateObject())
        {
            if (!Names(entry.Name, registry))
                continue;
            if (entry.Value.TryGetProperty("auth", out var packed) && packed.GetString() is { Length: > 0 } text)
            {
                var pair = Encoding.UTF8.GetString(Convert.FromBase64String(text)).Split(':', 2);
                if (pair.Length != 2)
                    throw new FormatException("no colon");
                return new RegistryCredential { Username = pair[0], Password = pair[1] };
            }

            if (entry.Value.TryGetProperty("username", out var user) && entry.Value.TryGetProperty("password", out var password))
                return new RegistryCredential { Username = user.GetString() ?? "", Password = password.GetString() ?? "" };
        }

        return null;
    }

    // https://index.docker.io/v1/ is how Docker's own tools write Docker Hub.
    private static bool Names(string entry, string registry)
    {
        var host = entry.Contains("://", StringComparison.Ordinal) ? entry[(entry.IndexOf("://", StringComparison.Ordinal) + 3)..] : entry;
        host = host.Split('/')[0];
        return host == registry || (registry == "docker.io" && host is "index.docker.io" or "registry-1.docker.io");
    }

    private static DriverError Wrong(string field, string message) =>
        new() { Code = ErrorCode.Invalid, Effect = Effect.NotApplied, Field = field, Message = message };
}
