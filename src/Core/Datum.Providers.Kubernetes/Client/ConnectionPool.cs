using Microsoft.Extensions.Logging;

namespace Datum.Providers.Kubernetes;

/// <summary>
/// The connections of one <see cref="KubernetesConnection"/>, shared by its clients and closed with the last of them. When certificate or
/// authorities change, new requests take new connections; requests and watches that run go on to their own end.
/// </summary>
internal sealed class ConnectionPool(KubernetesConnection connection)
{
    private readonly Lock _gate = new();
    private readonly CredentialSource _credentials = new(connection);
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

    public void Refused(Credential used, TimeProvider time) => _credentials.Refused(used, time);

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
