using System.Collections.Concurrent;
using System.Formats.Tar;
using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;

namespace Datum.Providers.Sdk.Tests.Guest;

/// <summary>
/// What a guest reaches on our loopback through QEMU: a container registry that wants a password, with one image, and the address that
/// beacons post to. One request a connection.
/// </summary>
internal sealed class GuestServer : IAsyncDisposable
{
    public const string User = "guest";
    public const string Password = "canary-7f3b-registry";
    public const string Token = "canary-7f3b-beacon-token";

    private const string ManifestType = "application/vnd.docker.distribution.manifest.v2+json";

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<string, (string Type, byte[] Content)> _objects = new(StringComparer.Ordinal);
    private readonly Channel<JsonNode> _beacons = Channel.CreateUnbounded<JsonNode>();
    private readonly Task _loop;

    public GuestServer(string busybox)
    {
        AddImage(busybox);
        _listener.Start();
        _loop = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Every beacon whose token was right, in the order of arrival.</summary>
    public ChannelReader<JsonNode> Beacons => _beacons.Reader;

    /// <summary>Requests as "status method path", for the test's report.</summary>
    public ConcurrentQueue<string> Log { get; } = new();

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _loop;
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        var open = new List<Task>();
        try
        {
            while (true)
                open.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token)));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException && _stop.IsCancellationRequested)
        {
            await Task.WhenAll(open);
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        try
        {
            using (client)
            {
                await using var stream = client.GetStream();
                var (head, body) = await ReadAsync(stream);
                var request = head[0].Split(' ');
                var authorization = head.FirstOrDefault(h => h.StartsWith("Authorization:", StringComparison.OrdinalIgnoreCase))?["Authorization:".Length..].Trim();
                var (status, type, content) = Answer(request[0], request[1], authorization, body);
                Log.Enqueue($"{status} {request[0]} {request[1]}");
                var challenge = status == 401 ? "WWW-Authenticate: Basic realm=\"guest\"\r\n" : "";
                await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {status} -\r\nContent-Type: {type}\r\nContent-Length: {content.Length}\r\n{challenge}"
                    + $"Docker-Distribution-Api-Version: registry/2.0\r\nDocker-Content-Digest: {Digest(content)}\r\nConnection: close\r\n\r\n"));
                if (request[0] != "HEAD")
                    await stream.WriteAsync(content);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or SocketException)
        {
            Log.Enqueue($"broken: {e.GetType().Name}");
        }
    }

    private (int Status, string Type, byte[] Content) Answer(string method, string path, string? authorization, byte[] body)
    {
        if (method == "POST" && path == "/beacon")
        {
            if (authorization != $"Bearer {Token}")
                return (403, "text/plain", []);
            _beacons.Writer.TryWrite(JsonNode.Parse(body)!);
            return (204, "text/plain", []);
        }
        if (authorization != "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{User}:{Password}")))
            return (401, "text/plain", []);
        if (path == "/v2/")
            return (200, "application/json", "{}"u8.ToArray());
        return _objects.TryGetValue(path[(path.LastIndexOf('/') + 1)..], out var found) ? (200, found.Type, found.Content) : (404, "text/plain", []);
    }

    private async Task<(string[] Head, byte[] Body)> ReadAsync(NetworkStream stream)
    {
        var bytes = new List<byte>();
        var one = new byte[1];
        while (bytes.Count < 4 || !bytes[^4..].SequenceEqual("\r\n\r\n"u8.ToArray()))
        {
            if (await stream.ReadAsync(one, _stop.Token) == 0 || bytes.Count > 65536)
                throw new IOException("The request ended early.");
            bytes.Add(one[0]);
        }
        var head = Encoding.ASCII.GetString([.. bytes]).Split("\r\n");
        var length = head.FirstOrDefault(h => h.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase));
        var body = new byte[length is null ? 0 : int.Parse(length["Content-Length:".Length..], CultureInfo.InvariantCulture)];
        await stream.ReadExactlyAsync(body, _stop.Token);
        return (head, body);
    }

    /// <summary>One layer: busybox and scripts that show what the container got. Port 8080 shall be open, 9090 not.</summary>
    private void AddImage(string busybox)
    {
        using var layer = new MemoryStream();
        using (var tar = new TarWriter(layer, TarEntryFormat.Ustar, leaveOpen: true))
        {
            void Add(string name, byte[] content) => tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, name)
            {
                Mode = (UnixFileMode)0b111_101_101, DataStream = new MemoryStream(content), ModificationTime = DateTimeOffset.UnixEpoch,
            });
            void Script(string name, string text) => Add(name, Encoding.ASCII.GetBytes("#!/bin/busybox sh\n" + text.ReplaceLineEndings("\n") + "\n"));
            void Page(string name, string command) => Script("www/cgi-bin/" + name, $"printf 'Content-Type: text/plain\\r\\n\\r\\n'\n{command}");

            Add("bin/busybox", File.ReadAllBytes(busybox));
            Add("www/index.html", "It works\n"u8.ToArray());
            Script("bin/start", """
                echo start >>/data/starts
                /bin/busybox sync
                /bin/busybox httpd -p 9090 -h /www
                /bin/busybox httpd -f -p 8080 -h /www &
                server=$!
                trap 'kill $server; echo stop >>/data/starts; exit 0' TERM
                wait $server
                """);
            Page("environ", "/bin/busybox base64 /proc/1/environ");
            Page("cmdline", "/bin/busybox base64 /proc/1/cmdline");
            Page("files", """
                /bin/busybox find /etc/app /etc/keys -type f | while read -r file; do
                  echo "$(/bin/busybox stat -c %a "$file") $file $(/bin/busybox base64 "$file" | /bin/busybox tr -d '\n')"
                done
                """);
            Page("disk", "/bin/busybox grep -E ' /(data|etc/app) ' /proc/mounts; /bin/busybox cat /data/starts");
            Page("closed", "/bin/busybox wget -q -O - http://127.0.0.1:9090/index.html");
            Page("limits", "/bin/busybox cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/cpu.max");
        }
        var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            gzip.Write(layer.ToArray());
        var config = JsonSerializer.SerializeToUtf8Bytes(new
        {
            architecture = "amd64",
            os = "linux",
            config = new { Entrypoint = new[] { "/bin/absent" }, Cmd = new[] { "image-argument" }, Env = new[] { "PATH=/bin", "FROM_IMAGE=yes" } },
            rootfs = new { type = "layers", diff_ids = new[] { Digest(layer.ToArray()) } },
        });
        var manifest = JsonSerializer.SerializeToUtf8Bytes(new
        {
            schemaVersion = 2,
            mediaType = ManifestType,
            config = new { mediaType = "application/vnd.docker.container.image.v1+json", size = config.Length, digest = Digest(config) },
            layers = new[] { new { mediaType = "application/vnd.docker.image.rootfs.diff.tar.gzip", size = packed.Length, digest = Digest(packed.ToArray()) } },
        });
        _objects["1"] = _objects[Digest(manifest)] = (ManifestType, manifest);
        _objects[Digest(config)] = ("application/octet-stream", config);
        _objects[Digest(packed.ToArray())] = ("application/octet-stream", packed.ToArray());
    }

    private static string Digest(byte[] content) => "sha256:" + Convert.ToHexStringLower(SHA256.HashData(content));
}
