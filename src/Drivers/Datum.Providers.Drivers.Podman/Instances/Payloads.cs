using System.Text;
using Datum.Providers.Drivers.Podman.Libpod;

namespace Datum.Providers.Drivers.Podman.Instances;

/// <summary>What payloads add to one container.</summary>
internal sealed record ContainerPayload
{
    /// <summary>Literal values and config map values.</summary>
    public required ImmutableDictionary<string, string> Environment { get; init; }

    /// <summary>Variable to Podman secret.</summary>
    public required ImmutableDictionary<string, string> SecretEnvironment { get; init; }

    /// <summary>Podman secrets as files.</summary>
    public required ImmutableArray<SecretMount> Files { get; init; }

    /// <summary>Podman secrets that must exist first.</summary>
    public required ImmutableDictionary<string, ReadOnlyMemory<byte>> Secrets { get; init; }
}

/// <summary>
/// Config maps and secrets as Podman secrets, one a key, named after the instance. Podman 4.3 keeps no labels on secrets, so the name is
/// the mark: <c>datum-INSTALLATION-NAME-HASH</c>, at most 64 characters.
/// </summary>
internal static class Payloads
{
    /// <summary>Bytes of one Podman secret at most (its MaxSize).</summary>
    public const int MaxBytes = 512_000;

    /// <summary>What the names of all secrets of one installation begin with.</summary>
    public static string InstallationPrefix(string installation) => $"datum-{installation}-";

    /// <summary>What the names of all secrets of one instance begin with.</summary>
    public static string Prefix(Identity id) => $"{InstallationPrefix(id.Installation)}{id.Name}-";

    /// <summary>The instance that a secret's name speaks of; null when it is none of the installation's.</summary>
    public static string? InstanceOf(string installation, string secret)
    {
        var prefix = InstallationPrefix(installation);
        return secret.StartsWith(prefix, StringComparison.Ordinal) && secret.Length == prefix.Length + 41 && secret[prefix.Length + 32] == '-'
            ? secret.Substring(prefix.Length, 32)
            : null;
    }

    /// <summary>The secret that is made last: when it is there, all are. Null when the instance has no payload.</summary>
    public static string? Sentinel(Identity id, InstanceSpec spec)
    {
        var payloads = (spec.Sandbox?.Containers ?? []).SelectMany(c => Fingerprint.PayloadsOf(spec, c)).ToList();
        return payloads.Count == 0 ? null
            : Name(id, ["all", id.Incarnation.ToString(System.Globalization.CultureInfo.InvariantCulture), .. payloads.Select(p => $"{p.Secret}/{p.Name}/{p.Hash}").Distinct().Order(StringComparer.Ordinal)]);
    }

    /// <summary>Reads what one container needs. A wish that can't be fulfilled is an error with its field.</summary>
    public static async ValueTask<Answer<ContainerPayload>> ReadAsync(Call call, Identity id, InstanceSpec spec, ContainerSpec container)
    {
        var reader = new Reader(call, id);
        var path = $"sandbox.containers[{container.Name}]";
        var environment = ImmutableDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        var secretEnvironment = ImmutableDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        var files = ImmutableArray.CreateBuilder<SecretMount>();

        void Set(PayloadReference payload, string variable, string key, ReadOnlyMemory<byte> value)
        {
            // A later entry replaces an earlier one of the same name, whichever way it is given.
            environment.Remove(variable);
            secretEnvironment.Remove(variable);
            // Podman refuses an empty secret, and an empty value hides nothing.
            if (payload.Secret && !value.IsEmpty)
                secretEnvironment[variable] = reader.Keep(payload, key, value);
            else
                environment[variable] = Encoding.UTF8.GetString(value.Span);
        }

        foreach (var variable in container.Environment)
        {
            var field = $"{path}.env[{variable.Name}]";
            if (variable.AllOf is { } all)
            {
                var (contents, error) = await reader.ContentsAsync(all, field);
                if (error is not null)
                    return error;
                foreach (var (key, value) in contents.OrderBy(c => c.Key, StringComparer.Ordinal))
                {
                    if (Unfit(value) is { } reason)
                        return Refuse(field, $"Key '{key}' {reason}.");
                    Set(all, variable.Name + key, key, value);
                }
            }
            else if (variable.From is { } from)
            {
                var (contents, error) = await reader.ContentsAsync(from.Payload with { Optional = from.Payload.Optional || from.Optional }, field);
                if (error is not null)
                    return error;
                if (!contents.TryGetValue(from.Key, out var value))
                {
                    if (from.Optional || from.Payload.Optional)
                        continue;
                    return Refuse(field, $"There is no key '{from.Key}' in '{from.Payload.Name}'.");
                }

                if (Unfit(value) is { } reason)
                    return Refuse(field, $"Key '{from.Key}' {reason}.");
                Set(from.Payload, variable.Name, from.Key, value);
            }
            else
            {
                secretEnvironment.Remove(variable.Name);
                environment[variable.Name] = variable.Value ?? "";
            }
        }

        foreach (var mount in container.Mounts)
        {
            if (spec.Volumes.FirstOrDefault(v => v.Name == mount.Volume)?.Files is not { } volume)
                continue;
            var field = $"volumes[{mount.Volume}].files";
            var (contents, error) = await reader.ContentsAsync(volume.Payload, field);
            if (error is not null)
                return error;
            IEnumerable<FileItem> items = volume.Items.IsEmpty
                ? contents.Keys.Order(StringComparer.Ordinal).Select(k => new FileItem { Key = k, Path = k })
                : volume.Items;
            foreach (var item in items)
            {
                if (!contents.TryGetValue(item.Key, out var value))
                {
                    if (volume.Payload.Optional)
                        continue;
                    return Refuse(field, $"There is no key '{item.Key}' in '{volume.Payload.Name}'.");
                }

                if (value.Length is 0 or > MaxBytes)
                    return Refuse(field, $"Key '{item.Key}' has {value.Length} bytes; a Podman secret takes 1 to {MaxBytes}.");
                files.Add(new SecretMount
                {
                    Source = reader.Keep(volume.Payload, item.Key, value),
                    Target = $"{mount.Path!.TrimEnd('/')}/{item.Path}",
                    Mode = item.Mode ?? volume.Mode ?? 0b110_100_100,
                });
            }
        }

        return new ContainerPayload
        {
            Environment = environment.ToImmutable(),
            SecretEnvironment = secretEnvironment.ToImmutable(),
            Files = files.ToImmutable(),
            Secrets = reader.Kept,
        };
    }

    private static string? Unfit(ReadOnlyMemory<byte> value) =>
        value.Span.Contains((byte)0) ? "holds a zero byte, which no variable can"
        : value.Length > MaxBytes ? $"has {value.Length} bytes; a Podman secret takes {MaxBytes} at most"
        : null;

    private static string Name(Identity id, IEnumerable<string> parts) => Prefix(id) + Fingerprint.Hash(parts)[1..9];

    private static DriverError Refuse(string field, string message) =>
        new() { Code = ErrorCode.Invalid, Effect = Effect.NotApplied, Message = message, Field = field };

    private sealed class Reader(Call call, Identity id)
    {
        private readonly Dictionary<(string, bool), ImmutableDictionary<string, ReadOnlyMemory<byte>>> _contents = [];

        public ImmutableDictionary<string, ReadOnlyMemory<byte>> Kept { get; private set; } = ImmutableDictionary<string, ReadOnlyMemory<byte>>.Empty;

        public async ValueTask<(ImmutableDictionary<string, ReadOnlyMemory<byte>> Contents, DriverError? Error)> ContentsAsync(PayloadReference payload, string field)
        {
            var none = ImmutableDictionary<string, ReadOnlyMemory<byte>>.Empty;
            if (_contents.TryGetValue((payload.Name, payload.Secret), out var known))
                return (known, null);
            if (call.Payloads is not { } source)
                return (none, new DriverError { Code = ErrorCode.Bug, Effect = Effect.NotApplied, Field = field, Message = "The call lends no reader for payloads." });
            var read = await source.ReadAsync(payload, call.Cancellation);
            if (read is null && !payload.Optional)
                return (none, new DriverError { Code = ErrorCode.NotReadyYet, Effect = Effect.NotApplied, Field = field, Message = $"There is no '{payload.Name}'." });
            _contents[(payload.Name, payload.Secret)] = read ?? none;
            return (read ?? none, null);
        }

        public string Keep(PayloadReference payload, string key, ReadOnlyMemory<byte> value)
        {
            // The keyed hash enters the name, so that a value that changed never meets a secret of the same name with the old value.
            var name = Name(id, [payload.Secret ? "secret" : "configmap", payload.Name, key, payload.Hash ?? ""]);
            Kept = Kept.SetItem(name, value);
            return name;
        }
    }
}
