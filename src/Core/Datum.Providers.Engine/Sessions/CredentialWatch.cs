using System.Collections.Concurrent;
using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Resources.Providers;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Engine.Sessions;

/// <summary>
/// Watches what ProviderConfigs take their credentials from: each Secret that one of them names, by name, in the host's own namespace
/// and without its values; files by what their folder says of them. A right to list every Secret isn't needed.
/// </summary>
/// <param name="home">The plane of configs and Secrets.</param>
/// <param name="fileVersion">What a path's file or folder says of its version (names, sizes, times); null where files aren't watched.</param>
public sealed class CredentialWatch(HomePlane home, IScheduler scheduler, ILoggerFactory logging, Func<string, string>? fileVersion = null) : IController, ICredentialVersions, IDisposable
{
    /// <summary>How often files are looked at. A mounted Secret is itself a minute late.</summary>
    private static readonly TimeSpan FilePeriod = TimeSpan.FromSeconds(10);

    /// <summary>How long a version is waited for: who may not watch Secrets still gets its session.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<string, Watched> _secrets = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, string> _files = new(StringComparer.Ordinal);
    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _lock = new();
    private IDisposable? _subscription;
    private CancellationToken _running = new(canceled: true);

    public event Action<string>? Changed;

    public string Name => "credentials";

    public string? Of(ProviderConfig config)
    {
        switch (config.Spec.Credentials)
        {
            case { Source: CredentialsSource.Secret, SecretRef.Name: { Length: > 0 } name }:
                if (!_secrets.TryGetValue(name, out var watched) || !watched.Cache.HasSynced)
                    return null;
                return watched.Cache.Find(new ObjectKey(home.Namespace, name)) is { Metadata: var m } ? $"{m.Uid}/{m.ResourceVersion}" : "absent";
            case { Source: CredentialsSource.File, File.Path: { Length: > 0 } path } when fileVersion is not null:
                return _files.GetOrAdd(path, fileVersion);
            default:
                return null;
        }
    }

    public async ValueTask<string?> WaitAsync(ProviderConfig config, CancellationToken cancellation)
    {
        if (Of(config) is { } known)
            return known;
        if (config.Spec.Credentials is not { Source: CredentialsSource.Secret, SecretRef.Name: { Length: > 0 } name } || Watch(name) is not { } watched)
            return null;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        await Task.WhenAny(watched.Cache.WaitForSyncAsync(stop.Token), scheduler.Delay(Patience, stop.Token)).ConfigureAwait(false);
        await stop.CancelAsync().ConfigureAwait(false);
        cancellation.ThrowIfCancellationRequested();
        return Of(config);
    }

    public async Task RunAsync(CancellationToken cancellation)
    {
        using var registration = cancellation.Register(() => _stopped.TrySetResult());
        lock (_lock)
        {
            _running = cancellation;
            _subscription = home.Configs.Subscribe(_ => Follow());
        }
        Follow();
        if (fileVersion is not null)
            _ = scheduler.Run(() => LookAtFilesAsync(cancellation));
        await _stopped.Task.ConfigureAwait(false);
        Dispose();
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _running = new CancellationToken(canceled: true);
            _subscription?.Dispose();
            _subscription = null;
        }
        foreach (var name in _secrets.Keys)
            Forget(name);
    }

    /// <summary>Watches what is named, and no longer what isn't.</summary>
    private void Follow()
    {
        var named = home.Configs.All().Select(c => c.Spec.Credentials).OfType<ProviderCredentials>()
            .Where(c => c.Source == CredentialsSource.Secret).Select(c => c.SecretRef?.Name).Where(n => !string.IsNullOrEmpty(n)).Select(n => n!).ToHashSet(StringComparer.Ordinal);
        foreach (var name in named)
            Watch(name);
        foreach (var name in _secrets.Keys.Where(n => !named.Contains(n)))
            Forget(name);
    }

    private Watched? Watch(string name)
    {
        lock (_lock)
        {
            if (_running.IsCancellationRequested)
                return null;
            if (_secrets.TryGetValue(name, out var known))
                return known;
            var cache = new ObjectCache<SecretMetadata>();
            var reflector = new Reflector<SecretMetadata>(home.Client, Core.SecretMetadata, cache, scheduler,
                new ReflectorOptions { Namespace = home.Namespace, FieldSelector = $"metadata.name={name}" }, logging.CreateLogger("Datum.Providers.Kubernetes.Reflector"));
            var watched = new Watched(cache, CancellationTokenSource.CreateLinkedTokenSource(_running));
            cache.Subscribe(change =>
            {
                if (change.Before?.Metadata.ResourceVersion != change.After?.Metadata.ResourceVersion)
                    Tell(c => c is { Source: CredentialsSource.Secret } && c.SecretRef?.Name == name);
            });
            _secrets[name] = watched;
            _ = scheduler.Run(() => reflector.RunAsync(watched.Stop.Token));
            return watched;
        }
    }

    private void Forget(string name)
    {
        if (!_secrets.TryRemove(name, out var watched))
            return;
        watched.Stop.Cancel();
        watched.Stop.Dispose();
    }

    private async Task LookAtFilesAsync(CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                await scheduler.Delay(FilePeriod, cancellation).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            foreach (var (path, before) in _files)
                if (fileVersion!(path) is var now && now != before)
                {
                    _files[path] = now;
                    Tell(c => c is { Source: CredentialsSource.File } && c.File?.Path == path);
                }
        }
    }

    private void Tell(Func<ProviderCredentials?, bool> uses)
    {
        foreach (var config in home.Configs.All().Where(c => uses(c.Spec.Credentials)))
            Changed?.Invoke(config.Metadata.Name!);
    }

    private sealed record Watched(ObjectCache<SecretMetadata> Cache, CancellationTokenSource Stop);
}
