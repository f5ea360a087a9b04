using Microsoft.Extensions.Logging;

namespace Datum.Providers.Kubernetes;

/// <summary>
/// The connections of one <see cref="KubernetesConnection"/>, shared by its clients and closed with the last of them. When certificate or
/// authorities change, new requests take new connections; requests and watches that run go on to their own end.
/// </summary>
internal sealed class ConnectionPool(KubernetesConnection connection)
{
    private readonly Lock _gate = new();
    /// <summary>Between two fresh credentials that this server caused by refusing the one before: doubled while it goes on refusing, so that "you may not" is no storm.</summary>
    private static readonly TimeSpan FirstRefusalPause = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LongestRefusalPause = TimeSpan.FromMinutes(10);

    private readonly CredentialSource _credentials = connection.Credentials;
    private TimeSpan _refusalPause = FirstRefusalPause;
    private long? _renewedAt;
    private long? _refusedAt;
    private Generation? _generation;
    private int _clients;

    public void Rent()
    {
        lock (_gate)
            _clients++;
    }

    public void Return()
    {
        lock (_gate)
        {
            if (--_clients > 0)
                return;
            _generation?.Retire();
            _generation = null;
        }
    }

    public ValueTask<Credential> CredentialAsync(TimeProvider time, ILogger logger, CancellationToken cancellation) => _credentials.CurrentAsync(time, logger, cancellation);

    /// <summary>As the other one, for a request that is sent again after a refusal.</summary>
    public async ValueTask<Credential> RenewedAsync(TimeProvider time, ILogger logger, CancellationToken cancellation)
    {
        await _credentials.SettledAsync(cancellation);
        return await _credentials.CurrentAsync(time, logger, cancellation);
    }

    /// <summary>The server doesn't know whoever sent this credential.</summary>
    public void Refused(Credential used, TimeProvider time, ILogger logger)
    {
        if (connection.Tokens is not null && !MayRenew(time))
            return;
        _credentials.Refused(used, time, logger);
    }

    private bool MayRenew(TimeProvider time)
    {
        lock (_gate)
        {
            // Who was content for so long has another reason now.
            var quiet = _refusedAt is not { } last || time.GetElapsedTime(last) > LongestRefusalPause;
            _refusedAt = time.GetTimestamp();
            if (quiet)
                _refusalPause = FirstRefusalPause;
            else if (_renewedAt is { } before && time.GetElapsedTime(before) < _refusalPause)
                return false;
            else
                _refusalPause = _refusalPause * 2 < LongestRefusalPause ? _refusalPause * 2 : LongestRefusalPause;
            _renewedAt = _refusedAt;
            return true;
        }
    }

    /// <summary>Sends; returns with the headers of the answer.</summary>
    public async Task<HttpResponseMessage> SendAsync(Credential credential, HttpRequestMessage request, CancellationToken cancellation)
    {
        var generation = Enter(credential.Tls);
        try
        {
            return await generation.Invoker.SendAsync(request, cancellation);
        }
        finally
        {
            generation.Leave();
        }
    }

    private Generation Enter(TlsIdentity tls)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_clients == 0, typeof(KubernetesClient));
            if (_generation?.Key != tls.Key)
            {
                Generation next;
                try
                {
                    next = new Generation(connection, tls);
                }
                catch (KubeConfigException error)
                {
                    throw new HttpRequestException(HttpRequestError.ProxyTunnelError, error.Message, error);
                }
                _generation?.Retire();
                _generation = next;
            }
            _generation.Enter();
            return _generation;
        }
    }

    private sealed class Generation(KubernetesConnection connection, TlsIdentity tls)
    {
        private readonly Lock _gate = new();
        private int _sending;
        private bool _retired;

        public string Key => tls.Key;

        public HttpMessageInvoker Invoker { get; } = new(KubernetesHandler.Create(connection, tls), disposeHandler: true);

        public void Enter()
        {
            lock (_gate)
                _sending++;
        }

        public void Leave() => Change(() => _sending--);

        public void Retire() => Change(() => _retired = true);

        private void Change(Action change)
        {
            bool done;
            lock (_gate)
            {
                change();
                done = _retired && _sending == 0;
            }
            if (done)
                Invoker.Dispose();
        }
    }
}
