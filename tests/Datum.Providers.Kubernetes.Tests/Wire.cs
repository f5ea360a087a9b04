using System.Net;
using System.Net.Sockets;

namespace Datum.Providers.Kubernetes.Tests;

/// <summary>A cable between client and server. Frozen, it carries nothing more and both ends stay open, as behind a router that lost its memory.</summary>
internal sealed class Wire : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly List<TcpClient> _ends = [];
    private readonly Task _accepting;
    private readonly int _port;
    private volatile bool _frozen;

    public Wire(Uri server)
    {
        _port = server.Port;
        _listener.Start();
        Address = new UriBuilder(server) { Port = ((IPEndPoint)_listener.LocalEndpoint).Port }.Uri;
        _accepting = AcceptAsync();
    }

    public Uri Address { get; }

    public void Freeze() => _frozen = true;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _accepting;
        _listener.Stop();
        lock (_ends)
            _ends.ForEach(e => e.Dispose());
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        var carrying = new List<Task>();
        try
        {
            while (true)
            {
                var near = await _listener.AcceptTcpClientAsync(_stop.Token);
                var far = new TcpClient();
                lock (_ends)
                    _ends.AddRange([near, far]);
                await far.ConnectAsync(IPAddress.Loopback, _port, _stop.Token);
                carrying.Add(CarryAsync(near, far));
                carrying.Add(CarryAsync(far, near));
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(carrying);
        }
    }

    private async Task CarryAsync(TcpClient from, TcpClient to)
    {
        try
        {
            var buffer = new byte[16 << 10];
            while (await from.GetStream().ReadAsync(buffer, _stop.Token) is var read and > 0)
            {
                if (!_frozen)
                    await to.GetStream().WriteAsync(buffer.AsMemory(0, read), _stop.Token);
            }
            if (!_frozen)
                to.Client.Shutdown(SocketShutdown.Send);
        }
        catch (Exception error) when (error is OperationCanceledException or IOException or SocketException or ObjectDisposedException)
        {
            // One end has gone; the other learns of it when the wire is removed.
            return;
        }
    }
}
