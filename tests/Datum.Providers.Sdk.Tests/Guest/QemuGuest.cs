using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Datum.Providers.Sdk.Tests.Guest;

/// <summary>
/// One run of a guest under QEMU with software emulation. Its network reaches our server, where there is one, and nothing else; its ports
/// 8080 and 9090 are forwarded from loopback.
/// </summary>
internal sealed partial class QemuGuest : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Socket _monitor;
    private readonly StreamReader _answers;
    private readonly NetworkStream _commands;

    private QemuGuest(Process process, Socket monitor, string console)
    {
        _process = process;
        _monitor = monitor;
        _commands = new NetworkStream(monitor);
        _answers = new StreamReader(_commands);
        Console = console;
    }

    /// <summary>The file that the serial console is written to; /dev/ttyS1 and ttyS2 go to files with 1 and 2 behind.</summary>
    public string Console { get; }

    /// <summary>Loopback port by guest port.</summary>
    public Dictionary<int, int> Ports { get; } = [];

    public bool Exited => _process.HasExited;

    public static async Task<QemuGuest> StartAsync(string image, string folder, string name, IEnumerable<(string File, string Format, string? Serial, bool ReadOnly)> disks, int? serverPort, CancellationToken cancellation)
    {
        var console = Path.Combine(folder, $"{name}.console");
        var socket = Path.Combine(folder, $"{name}.qmp");
        var forward = serverPort is null ? "" : $",guestfwd=tcp:10.0.2.100:80-cmd:/bin/busybox nc 127.0.0.1 {serverPort},guestfwd=tcp:10.0.2.100:5000-cmd:/bin/busybox nc 127.0.0.1 {serverPort}";
        var arguments = new List<string>
        {
            "-accel", "tcg,thread=multi", "-machine", "pc", "-cpu", "max", "-smp", "2", "-m", "1024", "-nodefaults", "-display", "none", "-no-reboot",
            "-kernel", Path.Combine(image, "vmlinuz"), "-initrd", Path.Combine(image, "initrd.img"),
            "-append", "root=LABEL=datum-root rw console=ttyS0 net.ifnames=0 quiet systemd.show_status=false",
            "-netdev", $"user,id=n0,restrict=on,hostfwd=tcp:127.0.0.1:0-:8080,hostfwd=tcp:127.0.0.1:0-:9090{forward}",
            "-device", "virtio-net-pci,netdev=n0,romfile=",
            // Beside the console two lines for what the guest says on purpose.
            "-serial", $"file:{console}", "-serial", $"file:{console}1", "-serial", $"file:{console}2", "-qmp", $"unix:{socket},server=on,wait=off",
        };
        var index = 0;
        foreach (var disk in disks)
        {
            var id = string.Create(CultureInfo.InvariantCulture, $"d{index++}");
            arguments.AddRange(["-drive", $"file={disk.File},if=none,id={id},format={disk.Format},cache=unsafe{(disk.ReadOnly ? ",readonly=on" : "")}"]);
            arguments.AddRange(["-device", $"virtio-blk-pci,drive={id}{(disk.Serial is null ? "" : $",serial={disk.Serial}")}"]);
        }
        var start = new ProcessStartInfo("qemu-system-x86_64", arguments) { RedirectStandardError = true, RedirectStandardOutput = true };
        var process = Process.Start(start) ?? throw new InvalidOperationException("QEMU doesn't start.");
        var errors = new StringBuilder();
        process.ErrorDataReceived += (_, e) => errors.AppendLine(e.Data);
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        Socket? monitor = null;
        try
        {
            while (monitor is null)
            {
                if (process.HasExited)
                    throw new InvalidOperationException($"QEMU ended at once: {errors}");
                cancellation.ThrowIfCancellationRequested();
                var attempt = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                try
                {
                    await attempt.ConnectAsync(new UnixDomainSocketEndPoint(socket), cancellation);
                    monitor = attempt;
                }
                catch (SocketException)
                {
                    attempt.Dispose();
                    await Task.Delay(20, cancellation);
                }
            }
            var guest = new QemuGuest(process, monitor, console);
            await guest._answers.ReadLineAsync(cancellation);
            await guest.CommandAsync("""{"execute":"qmp_capabilities"}""", cancellation);
            var network = await guest.CommandAsync("""{"execute":"human-monitor-command","arguments":{"command-line":"info usernet"}}""", cancellation);
            foreach (Match match in Forwarding().Matches(network.GetString()!))
                guest.Ports[int.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture)] = int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture);
            return guest;
        }
        catch
        {
            process.Kill();
            process.Dispose();
            monitor?.Dispose();
            throw;
        }
    }

    /// <summary>Presses the power button and waits until the guest is off.</summary>
    public async Task PowerDownAsync(CancellationToken cancellation)
    {
        await CommandAsync("""{"execute":"system_powerdown"}""", cancellation);
        await _process.WaitForExitAsync(cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }
        _process.Dispose();
        _answers.Dispose();
        await _commands.DisposeAsync();
        _monitor.Dispose();
    }

    private async Task<JsonElement> CommandAsync(string command, CancellationToken cancellation)
    {
        await _commands.WriteAsync(Encoding.UTF8.GetBytes(command + "\n"), cancellation);
        while (true)
        {
            var line = await _answers.ReadLineAsync(cancellation) ?? throw new InvalidOperationException("QEMU closed its monitor.");
            using var json = JsonDocument.Parse(line);
            if (json.RootElement.TryGetProperty("return", out var answer))
                return answer.Clone();
            if (json.RootElement.TryGetProperty("error", out var error))
                throw new InvalidOperationException($"QEMU refused {command}: {error}");
        }
    }

    [GeneratedRegex(@"TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s+\S+\s+(\d+)")]
    private static partial Regex Forwarding();
}
