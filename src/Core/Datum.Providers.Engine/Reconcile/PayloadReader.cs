using System.Text;
using System.Text.RegularExpressions;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Reconcile;

/// <summary>Reads config maps and secrets of the owner's namespace, and only those that the entry's desired state names (law L14).</summary>
/// <param name="planeById">The plane of an owner.</param>
/// <param name="closed">The namespace of the host's own credentials, out of which nothing is handed to a guest; null where it is the user's as well.</param>
public sealed partial class PayloadSource(Func<string, IKubernetesClient?> planeById, string? closed = null) : IPayloadSource
{
    /// <summary>A name as an API server takes it. Anything else, such as one with a slash or dots alone, could mean another object than it says.</summary>
    [GeneratedRegex(@"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\z")]
    private static partial Regex ObjectName { get; }

    public IPayloadReader? For(ManagedResource entry)
    {
        if (entry.Spec.Desired is not { } desired || entry.Spec.Owner.Namespace is not { } ns || planeById(entry.Spec.Owner.Plane) is not { } client)
            return null;
        var named = new HashSet<(string Name, bool Secret)>();
        Collect(desired, named);
        return named.Count == 0 ? null : new Reader(client, ns, named, ns == closed);
    }

    /// <summary>A payload reference is the only object of a spec that has both a name and a secret flag.</summary>
    private static void Collect(JsonElement value, HashSet<(string, bool)> named)
    {
        if (value.ValueKind is JsonValueKind.Array)
            foreach (var item in value.EnumerateArray())
                Collect(item, named);
        if (value.ValueKind is not JsonValueKind.Object)
            return;
        if (value.TryGetProperty("secret", out var secret) && secret.ValueKind is JsonValueKind.True or JsonValueKind.False && value.TryGetProperty("name", out var name))
            named.Add((name.GetString()!, secret.GetBoolean()));
        foreach (var member in value.EnumerateObject())
            Collect(member.Value, named);
    }

    private sealed class Reader(IKubernetesClient client, string ns, HashSet<(string, bool)> named, bool closed) : IPayloadReader
    {
        public async ValueTask<ImmutableDictionary<string, ReadOnlyMemory<byte>>?> ReadAsync(PayloadReference payload, CancellationToken cancellation)
        {
            if (!named.Contains((payload.Name, payload.Secret)))
                throw new InvalidOperationException($"The desired state doesn't name the {(payload.Secret ? "secret" : "config map")} '{payload.Name}'.");
            if (closed)
                throw Refused($"Config maps and secrets of namespace {ns} aren't given to guests: the host keeps its credentials there. Use another namespace.");
            if (payload.Name.Length > 253 || !ObjectName.IsMatch(payload.Name))
                throw Refused($"'{payload.Name}' is no name of a {(payload.Secret ? "secret" : "config map")}: lower-case letters, digits, '-' and '.' are possible.");
            var key = new ObjectKey(ns, payload.Name);
            var values = ImmutableDictionary.CreateBuilder<string, ReadOnlyMemory<byte>>(StringComparer.Ordinal);
            if (payload.Secret)
            {
                if (await client.FindAsync(Core.Secrets, key, cancellation).ConfigureAwait(false) is not { } secret)
                    return Missing(payload);
                foreach (var (k, v) in secret.Data ?? [])
                    values[k] = v;
            }
            else
            {
                if (await client.FindAsync(Core.ConfigMaps, key, cancellation).ConfigureAwait(false) is not { } map)
                    return Missing(payload);
                foreach (var (k, v) in map.Data ?? [])
                    values[k] = Encoding.UTF8.GetBytes(v);
                foreach (var (k, v) in map.BinaryData ?? [])
                    values[k] = v;
            }
            return values.ToImmutable();
        }

        private static DriverException Refused(string message) => new(new DriverError { Code = ErrorCode.Invalid, Effect = Effect.NotApplied, Message = message });

        private ImmutableDictionary<string, ReadOnlyMemory<byte>>? Missing(PayloadReference payload) => payload.Optional
            ? null
            : throw new DriverException(new DriverError
            {
                Code = ErrorCode.NotReadyYet, Effect = Effect.NotApplied,
                Message = $"The {(payload.Secret ? "secret" : "config map")} {ns}/{payload.Name} doesn't exist.",
            });
    }
}

/// <summary>Reads owners live at their plane.</summary>
public sealed class OwnerReader : IOwnerReader
{
    private readonly Func<string, ProjectPlane?> _planeById;
    private readonly EngagedPlanes? _planes;

    /// <summary>For owners of any plane that is engaged.</summary>
    public OwnerReader(EngagedPlanes planes)
    {
        ArgumentNullException.ThrowIfNull(planes);
        (_planeById, _planes) = (planes.Find, planes);
    }

    /// <summary>For owners of one plane, read by its own client.</summary>
    public OwnerReader(ProjectPlane plane) => _planeById = _ => plane;

    public bool IsEngaged(ResourceOwner owner, out string? why)
    {
        ArgumentNullException.ThrowIfNull(owner);
        why = null;
        return _planes?.IsEngaged(owner.Plane, out why) ?? true;
    }

    public bool IsKnown(ResourceOwner owner)
    {
        var key = new ObjectKey(owner.Namespace, owner.Name);
        var plane = _planeById(owner.Plane);
        KubeObject? known = plane is null ? null : owner.Kind switch
        {
            "Instance" => plane.Instances.Find(key),
            "Network" => plane.Networks.Find(key),
            "NetworkContext" => plane.NetworkContexts.Find(key),
            "Subnet" => plane.Subnets.Find(key),
            _ => null,
        };
        return known?.Metadata.Uid == owner.Uid;
    }

    public async ValueTask<OwnerState> ReadAsync(ResourceOwner owner, CancellationToken cancellation)
    {
        if (ClientOf(owner.Plane) is not { } client)
            return OwnerState.Unknown;
        try
        {
            var metadata = await MetadataAsync(client, owner.Kind, new ObjectKey(owner.Namespace, owner.Name), cancellation).ConfigureAwait(false);
            return metadata is null || metadata.Uid != owner.Uid ? OwnerState.Gone
                : metadata.DeletionTimestamp is null ? OwnerState.Exists : OwnerState.Deleting;
        }
        catch (Exception e) when (e is KubernetesException or HttpRequestException)
        {
            return OwnerState.Unknown;
        }
    }

    /// <summary>Whether the live server has the object as it was seen here: the same life, spec, labels and annotations. False also when it can't be read.</summary>
    public async ValueTask<bool> IsCurrentAsync(string planeId, KubeObject seen, CancellationToken cancellation)
    {
        if (ClientOf(planeId) is not { } client)
            return false;
        try
        {
            var live = await MetadataAsync(client, KindOf(seen), seen.Key, cancellation).ConfigureAwait(false);
            return live?.Uid == seen.Metadata.Uid && live?.Generation == seen.Metadata.Generation && Same(live?.Annotations, seen.Metadata.Annotations) && Same(live?.Labels, seen.Metadata.Labels);
        }
        catch (Exception e) when (e is KubernetesException or HttpRequestException)
        {
            return false;
        }
    }

    private IKubernetesClient? ClientOf(string planeId) => _planeById(planeId) is not { } plane ? null : _planes is null ? plane.Client : plane.SharedClient;

    // Items of a list don't say their kind.
    private static string KindOf(KubeObject value) => value.GetType().Name;

    private static bool Same(Dictionary<string, string>? a, Dictionary<string, string>? b) =>
        (a?.Count ?? 0) == (b?.Count ?? 0) && (a is null || a.All(p => b!.TryGetValue(p.Key, out var value) && value == p.Value));

    private static async Task<ObjectMeta?> MetadataAsync(IKubernetesClient client, string kind, ObjectKey key, CancellationToken cancellation) => kind switch
    {
        "Instance" => (await client.FindAsync(Resources.ResourceTypes.Instances, key, cancellation).ConfigureAwait(false))?.Metadata,
        "Network" => (await client.FindAsync(Resources.ResourceTypes.Networks, key, cancellation).ConfigureAwait(false))?.Metadata,
        "NetworkContext" => (await client.FindAsync(Resources.ResourceTypes.NetworkContexts, key, cancellation).ConfigureAwait(false))?.Metadata,
        "Subnet" => (await client.FindAsync(Resources.ResourceTypes.Subnets, key, cancellation).ConfigureAwait(false))?.Metadata,
        _ => throw new InvalidDataException($"No owner of kind {kind} is known."),
    };
}
