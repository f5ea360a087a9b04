using System.Diagnostics;
using System.Globalization;

namespace Datum.Providers.Sdk.Tests.Guest;

/// <summary>Disks and seed media of the guests that the boot tests start, and what they report.</summary>
internal static class GuestMedia
{
    /// <summary>A medium with the files, as ISO 9660 with a volume label.</summary>
    public static async Task<string> IsoAsync(string folder, string label, params (string Name, byte[] Content)[] files)
    {
        var source = Directory.CreateDirectory(Path.Combine(folder, label)).FullName;
        foreach (var (name, content) in files)
            await File.WriteAllBytesAsync(Path.Combine(source, name), content);
        var iso = Path.Combine(folder, $"{label}.iso");
        await RunAsync("genisoimage", "-quiet", "-volid", label, "-joliet", "-rock", "-output", iso, source);
        return iso;
    }

    /// <summary>A root disk over the image, which stays as it is.</summary>
    public static async Task<string> OverlayAsync(string folder, string image)
    {
        var root = Path.Combine(folder, "root.qcow2");
        await RunAsync("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", Path.Combine(image, "disk.raw"), root);
        return root;
    }

    public static string EmptyDisk(string folder, string name, int mebibytes)
    {
        var path = Path.Combine(folder, $"{name}.raw");
        using var file = File.Create(path);
        file.SetLength((long)mebibytes << 20);
        return path;
    }

    public static async Task<string> RunAsync(string program, params string[] arguments)
    {
        var (code, output) = await GuestTools.RunAsync(program, arguments);
        Assert.That(code, Is.Zero, $"{program}: {output}");
        return output;
    }

    public static void Report(Stopwatch watch, string text) =>
        TestContext.Progress.WriteLine(string.Create(CultureInfo.InvariantCulture, $"[{watch.Elapsed.TotalSeconds,6:0.0} s] {text}"));

    /// <summary>The end of each console, for a test that failed.</summary>
    public static async Task ShowConsolesAsync(string folder)
    {
        foreach (var console in Directory.GetFiles(folder, "*.console*"))
        {
            var text = await File.ReadAllTextAsync(console);
            await TestContext.Progress.WriteLineAsync($"{Path.GetFileName(console)}: ...{text[Math.Max(0, text.Length - 3000)..]}");
        }
    }
}
