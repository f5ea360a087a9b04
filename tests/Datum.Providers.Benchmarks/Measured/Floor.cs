using System.Diagnostics;
using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Benchmarks.Measured;

/// <summary>What no client can beat: a TLS socket that asks for the same answer and throws it away.</summary>
internal sealed class Floor(KubernetesConnection connection, string ns, int count)
{
    private readonly byte[] _buffer = new byte[64 << 10];
    private byte _last;

    /// <summary>The whole list in one request; with gzip as clients ask for it, or plain.</summary>
    public async Task<TakenSet> ListAsync(bool gzip)
    {
        await using var socket = await AskAsync("", gzip);
        long bytes = 0;
        while (await socket.ReadAsync(_buffer) is var read and > 0)
            bytes += read;
        return new(null, bytes);
    }

    /// <summary>Reads as many lines of a watch from version 0 as there are objects.</summary>
    public async Task<TakenSet> WatchAsync()
    {
        await using var socket = await AskAsync("?watch=true&resourceVersion=0&timeoutSeconds=60", gzip: false);
        var lines = 0;
        long bytes = 0;
        while (lines < count && await socket.ReadAsync(_buffer) is var read and > 0)
        {
            bytes += read;
            lines += CountEvents(_buffer.AsSpan(0, read));
        }
        return new(null, bytes);
    }

    /// <summary>Sees an update when its stamp stands in the bytes that have come.</summary>
    public async Task<double[]> FollowAsync(Action ready)
    {
        await using var socket = await AskAsync($"?watch=true&timeoutSeconds=600&fieldSelector=metadata.name%3D{Estate.Followed}&resourceVersion=0", gzip: false);
        var latencies = new List<double>();
        var text = new StringBuilder();
        var isReady = false;
        while (await socket.ReadAsync(_buffer) is var read and > 0)
        {
            var now = Stopwatch.GetTimestamp();
            text.Append(Encoding.ASCII.GetString(_buffer, 0, read));
            var known = text.ToString();
            if (!isReady && known.Contains("\"ADDED\"", StringComparison.Ordinal))
            {
                isReady = true;
                ready();
            }
            while (StampOf(known) is { } found)
            {
                known = known[found.End..];
                if (found.Stamp == Estate.End)
                    return [.. latencies];
                latencies.Add(Stopwatch.GetElapsedTime(long.Parse(found.Stamp, CultureInfo.InvariantCulture), now).TotalMicroseconds);
            }
            text.Clear().Append(known);
        }
        throw new EndOfStreamException("The watch ended before the last update.");
    }

    private static (string Stamp, int End)? StampOf(string text)
    {
        const string Name = $"\"{Estate.SentAnnotation}\":\"";
        var at = text.IndexOf(Name, StringComparison.Ordinal);
        if (at < 0)
            return null;
        var from = at + Name.Length;
        var end = text.IndexOf('"', from);
        return end < 0 ? null : (text[from..end], end);
    }

    // An event ends with a bare line feed; the response's head and the heads of its chunks end with CR LF.
    private int CountEvents(ReadOnlySpan<byte> bytes)
    {
        var events = 0;
        foreach (var value in bytes)
        {
            if (value == '\n' && _last != '\r')
                events++;
            _last = value;
        }
        return events;
    }

    private async Task<SslStream> AskAsync(string query, bool gzip)
    {
        var server = connection.Server;
        var tcp = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await tcp.ConnectAsync(server.Host, server.Port);
        var socket = new SslStream(new NetworkStream(tcp, ownsSocket: true));
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(connection.Authorities ?? []);
        await socket.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = server.Host,
            ClientCertificates = connection.ClientCertificate is { } certificate ? [certificate] : null,
            CertificateChainPolicy = policy,
        });
        var encoding = gzip ? "Accept-Encoding: gzip\r\n" : "";
        var request = $"GET {Estate.PathOf(ns)}{query} HTTP/1.1\r\nHost: {server.Authority}\r\nAccept: application/json\r\n{encoding}Connection: close\r\n\r\n";
        await socket.WriteAsync(Encoding.ASCII.GetBytes(request));
        return socket;
    }
}
