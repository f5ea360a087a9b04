using Datum.Providers.Kubernetes;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.ControlPlane.Export;

/// <summary>
/// Watches the Secrets that policies name, each by its name and without its values. The right to list every Secret of a plane isn't needed, and
/// where the right to watch one is missing it is only read again now and then.
/// </summary>
internal sealed class NamedSecrets(IKubernetesClient client, IScheduler scheduler, ILoggerFactory logging) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ObjectKey, Watched> _watched = [];
    private readonly Dictionary<PolicyKey, HashSet<ObjectKey>> _named = [];
    private CancellationToken _running = new(canceled: true);

    /// <summary>Called with a policy one of whose Secrets has changed.</summary>
    public Action<PolicyKey>? Changed { get; set; }

    public void Start(CancellationToken cancellation)
    {
        lock (_lock)
            _running = cancellation;
    }

    /// <summary>Sets which Secrets a policy names; those that nobody names any more aren't watched any longer.</summary>
    public void Follow(PolicyKey policy, HashSet<ObjectKey> secrets)
    {
        lock (_lock)
        {
            if (secrets.Count == 0)
                _named.Remove(policy);
            else
                _named[policy] = secrets;
            foreach (var secret in secrets)
            {
                if (!_watched.ContainsKey(secret) && !_running.IsCancellationRequested)
                    _watched[secret] = Watch(secret);
            }

            foreach (var (secret, watched) in _watched.Where(w => !_named.Values.Any(n => n.Contains(w.Key))).ToList())
            {
                _watched.Remove(secret);
                watched.Stop.Cancel();
                watched.Stop.Dispose();
            }
        }
    }

    /// <summary>Whether each of a policy's Secrets is watched, so that nobody has to look again.</summary>
    public bool Sees(PolicyKey policy)
    {
        lock (_lock)
            return !_named.TryGetValue(policy, out var named) || named.All(s => _watched.TryGetValue(s, out var watched) && watched.Cache.HasSynced);
    }

    public void Dispose()
    {
        lock (_lock)
        {
            foreach (var watched in _watched.Values)
            {
                watched.Stop.Cancel();
                watched.Stop.Dispose();
            }

            _watched.Clear();
        }
    }

    private Watched Watch(ObjectKey secret)
    {
        var cache = new ObjectCache<SecretMetadata>();
        var reflector = new Reflector<SecretMetadata>(client, Core.SecretMetadata, cache, scheduler,
            new ReflectorOptions { Namespace = secret.Namespace, FieldSelector = $"metadata.name={secret.Name}" }, logging.CreateLogger("Datum.Providers.Kubernetes.Reflector"));
        var watched = new Watched(cache, CancellationTokenSource.CreateLinkedTokenSource(_running));
        cache.Subscribe(change =>
        {
            if (change.Before?.Metadata.ResourceVersion != change.After?.Metadata.ResourceVersion)
                Tell(secret);
        });
        var stop = watched.Stop.Token;
        _ = scheduler.Run(() => reflector.RunAsync(stop));
        return watched;
    }

    private void Tell(ObjectKey secret)
    {
        List<PolicyKey> policies;
        lock (_lock)
            policies = [.. _named.Where(n => n.Value.Contains(secret)).Select(n => n.Key)];
        foreach (var policy in policies)
            Changed?.Invoke(policy);
    }

    private sealed record Watched(ObjectCache<SecretMetadata> Cache, CancellationTokenSource Stop);
}
