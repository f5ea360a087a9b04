using System.Diagnostics;
using System.Text.RegularExpressions;
using Datum.Providers.Testing;

namespace Datum.Providers.DevPlane.Tests;

/// <summary>What one kubectl said, with everything that differs by nature masked.</summary>
internal sealed record KubectlResult(int Code, string Output, string Errors)
{
    public override string ToString() => $"exit {Code}\n{Output}\n-- stderr\n{Errors}";
}

/// <summary>kubectl against one server.</summary>
internal sealed partial class KubectlRunner(string kubeconfig, string home)
{
    private static readonly string? Program = (Environment.GetEnvironmentVariable("DATUM_KUBECTL") is { Length: > 0 } named ? [named] : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Select(p => Path.Combine(p, "kubectl"))).FirstOrDefault(File.Exists);

    public static void Require()
    {
        if (Program is null) throw SharedFolder.Missing("kubectl", "there is no kubectl on PATH and DATUM_KUBECTL isn't set");
    }

    public async Task<KubectlResult> RunAsync(string arguments, string? input = null, string? editor = null)
    {
        using var process = Start(arguments, input, editor);
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var output = process.StandardOutput.ReadToEndAsync(deadline.Token);
        var errors = process.StandardError.ReadToEndAsync(deadline.Token);
        try
        {
            await process.WaitForExitAsync(deadline.Token);
            return new KubectlResult(process.ExitCode, Mask(await output), Mask(await errors));
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw new AssertionException($"kubectl {arguments} didn't end within a minute");
        }
    }

    public Process Start(string arguments, string? input = null, string? editor = null)
    {
        var start = new ProcessStartInfo(Program!) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        start.Environment["KUBECONFIG"] = kubeconfig;
        start.Environment["HOME"] = Directory.CreateDirectory(home).FullName;
        if (editor is not null) start.Environment["KUBE_EDITOR"] = editor.Replace("{kubectl}", $"KUBECONFIG={kubeconfig} {Program}", StringComparison.Ordinal);
        foreach (Match word in Words().Matches(arguments)) start.ArgumentList.Add(word.Value.Replace("'", "", StringComparison.Ordinal));
        var process = Process.Start(start)!;
        if (input is not null) process.StandardInput.Write(input);
        process.StandardInput.Close();
        return process;
    }

    public static string Mask(string text)
    {
        text = Uid().Replace(text, "UID");
        text = Time().Replace(text, "TIME");
        text = Age().Replace(text, "AGE");
        text = Address().Replace(text, "ADDRESS");
        text = Version().Replace(text, "$1VERSION");
        text = Folder().Replace(text, "$1");
        text = LogHead().Replace(text, "E");
        // The embedded server takes no apply, and says so in the list of what it takes.
        text = text.Replace(", application/apply-patch+yaml", "", StringComparison.Ordinal);
        // The order of several field errors isn't defined.
        if (text.Contains("\n* ", StringComparison.Ordinal)) text = string.Join('\n', text.Split('\n').OrderBy(l => l.StartsWith("* ", StringComparison.Ordinal) ? l : "", StringComparer.Ordinal));
        return Blanks().Replace(text, "  ");
    }

    [GeneratedRegex("""(?:[^\s']|'[^']*')+""")]
    private static partial Regex Words();

    [GeneratedRegex("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")]
    private static partial Regex Uid();

    [GeneratedRegex(@"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| \+0000)?")]
    private static partial Regex Time();

    [GeneratedRegex(@"(?<=[ \t])\d+(s|m|m\d+s|h)(?=\s|$)")]
    private static partial Regex Age();

    [GeneratedRegex(@"127\.0\.0\.1:\d+")]
    private static partial Regex Address();

    [GeneratedRegex(@"(resourceVersion""?: ""|Resource Version: +|too old resource version: )\d+( \(\d+\))?")]
    private static partial Regex Version();

    [GeneratedRegex(@"/tmp/(LIVE|MERGED|kubectl-edit)-\d+")]
    private static partial Regex Folder();

    [GeneratedRegex(@"E\d{4} [\d:.]+ +\d+")]
    private static partial Regex LogHead();

    [GeneratedRegex(" {2,}")]
    private static partial Regex Blanks();
}
