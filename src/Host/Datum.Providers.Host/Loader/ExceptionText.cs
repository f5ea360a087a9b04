using System.Reflection;
using System.Text;

namespace Datum.Providers.Host.Loader;

/// <summary>
/// Makes text of an exception at once. An exception object whose type comes from a driver keeps the driver's load context alive and may run
/// the driver's code whenever somebody asks for its message.
/// </summary>
internal static class ExceptionText
{
    private const int MaxDepth = 4;
    private const int MaxLength = 1000;

    /// <summary>Type names and messages from the outside in; never throws. <paramref name="redact"/> sees each message whole, before anything is cut.</summary>
    public static string Flatten(Exception exception, Func<string, string>? redact = null)
    {
        var text = new StringBuilder();
        Exception? e = exception;
        for (var depth = 0; e is not null && depth < MaxDepth; depth++)
        {
            if (e is TargetInvocationException or TypeInitializationException && e.InnerException is { } inner)
                e = inner;
            text.Append(depth == 0 ? "" : " <- ").Append(e.GetType().FullName).Append(": ").Append(redact is null ? MessageOf(e) : redact(MessageOf(e)));
            e = e.InnerException;
        }

        for (var i = 0; i < text.Length; i++)
            if (char.IsControl(text[i]))
                text[i] = ' ';
        return text.Length <= MaxLength ? text.ToString() : text.ToString(0, MaxLength) + "...";
    }

    private static string MessageOf(Exception e)
    {
        try
        {
            return e.Message;
        }
        catch (Exception)
        {
            return "(its message can't be read: it throws itself)";
        }
    }
}
