using System.Globalization;
using System.Text;
using System.Xml;

namespace Datum.Providers.Drivers.Vsphere.Vim;

/// <summary>Writes one request. Members are to be written in the order of the API's description: servers refuse another.</summary>
internal sealed class VimWriter : IDisposable
{
    private const string Envelope = "http://schemas.xmlsoap.org/soap/envelope/";
    private const string Instance = "http://www.w3.org/2001/XMLSchema-instance";
    private const string Schema = "http://www.w3.org/2001/XMLSchema";
    private const string Vim = "urn:vim25";

    private readonly MemoryStream _stream = new();
    private readonly XmlWriter _xml;

    private VimWriter() =>
        // What XML 1.0 can't hold throws ArgumentException, before anything is sent.
        _xml = XmlWriter.Create(_stream, new XmlWriterSettings { Encoding = new UTF8Encoding(false), CheckCharacters = true });

    /// <summary>The envelope around one method.</summary>
    public static byte[] Request(string method, MoRef target, Action<VimWriter>? members)
    {
        using var writer = new VimWriter();
        var xml = writer._xml;
        xml.WriteStartElement("soapenv", "Envelope", Envelope);
        xml.WriteAttributeString("xmlns", "xsi", null, Instance);
        xml.WriteAttributeString("xmlns", "xsd", null, Schema);
        xml.WriteStartElement("soapenv", "Body", Envelope);
        xml.WriteStartElement("", method, Vim);
        writer.Ref("_this", target);
        members?.Invoke(writer);
        xml.WriteEndElement();
        xml.WriteEndElement();
        xml.WriteEndElement();
        xml.Flush();
        return writer._stream.ToArray();
    }

    /// <summary>A text; left out when null.</summary>
    public VimWriter Text(string name, string? value)
    {
        if (value is not null)
            _xml.WriteElementString("", name, Vim, value);
        return this;
    }

    public VimWriter Number(string name, long? value) => Text(name, value?.ToString(CultureInfo.InvariantCulture));

    public VimWriter Flag(string name, bool? value) => Text(name, value switch { true => "true", false => "false", _ => null });

    /// <summary>A reference; left out when null.</summary>
    public VimWriter Ref(string name, MoRef? value)
    {
        if (value is not { } reference)
            return this;
        _xml.WriteStartElement("", name, Vim);
        _xml.WriteAttributeString("type", reference.Type);
        _xml.WriteString(reference.Value);
        _xml.WriteEndElement();
        return this;
    }

    /// <summary>A structure; <paramref name="type"/> where the member's declared type has subtypes.</summary>
    public VimWriter Open(string name, string? type = null)
    {
        _xml.WriteStartElement("", name, Vim);
        if (type is not null)
            _xml.WriteAttributeString("xsi", "type", Instance, type);
        return this;
    }

    public VimWriter Close()
    {
        _xml.WriteEndElement();
        return this;
    }

    /// <summary>An <c>OptionValue</c> of text: one entry of extraConfig.</summary>
    public VimWriter Option(string name, string key, string value)
    {
        Open(name, "OptionValue").Text("key", key).Open("value", "xsd:string");
        _xml.WriteString(value);
        return Close().Close();
    }

    /// <summary>Another element as it was read, under its own name: a device that goes back with a change.</summary>
    public VimWriter Copy(VimNode node, string? name = null, Action<VimWriter, VimNode>? child = null)
    {
        _xml.WriteStartElement("", name ?? node.Name, Vim);
        if (node.RefType is { } reference)
            _xml.WriteAttributeString("type", reference);
        if (node.Type is { } type && node.RefType is null)
            _xml.WriteAttributeString("xsi", "type", Instance, type is "string" or "int" or "long" or "boolean" or "dateTime" or "short" or "byte" or "double" ? "xsd:" + type : type);
        if (node.Children.Count == 0)
            _xml.WriteString(node.Text);
        foreach (var inner in node.Children)
            if (child is not null)
                child(this, inner);
            else
                Copy(inner);
        return Close();
    }

    public void Dispose()
    {
        _xml.Dispose();
        _stream.Dispose();
    }
}
